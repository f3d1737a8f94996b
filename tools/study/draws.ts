/** Steps that draw images: pools of candidates, and images for evaluation. */
import { presetSettings } from '../../src/contract/presets.ts';
import type { MethodChoice } from '../../src/contract/spec.ts';
import { candidateSeed } from '../../src/planning/promptPlan.ts';
import { type Design, GUIDANCE } from './design.ts';
import type { DrawnImage, DrawRequest, DrawResult, TrainResult } from './protocol.ts';
import type { Step, StudyPart } from './steps.ts';
import type { Store } from './store.ts';

/** A stored adapter: the training step that made it, and the optimizer step at which it was kept. */
export type AdapterRef = { readonly training: string; readonly step: number };

/** How images are drawn together. */
export type DrawDesign = Pick<Design, 'steps' | 'block' | 'evaluationSteps' | 'evaluationBlock'>;

export type Draw = {
  readonly text: string;
  /** Which images of the prompt: the first is `first`, a multiple of the block. */
  readonly first: number;
  readonly count: number;
  /** Candidates for training and ranking, or images that are only looked at; their seeds differ. */
  readonly use: 'pool' | 'evaluation';
  readonly adapter: AdapterRef | null;
  readonly guidance?: number;
  /** Digest of another base model than the study's own, which has no adapters. */
  readonly base?: string | undefined;
  /** A method that draws in place of guidance alone, and what an image of it costs at most. */
  readonly rule?: { readonly method: MethodChoice; readonly evaluations: number } | undefined;
};

/** Seeds that depend on the prompt's text and the candidate's index alone. */
const SELECTION = { ...presetSettings('demo').selection, seeds: 'distinct' } as const;
const SEEDS = { pool: 2_024, evaluation: 90_210 } as const;

/** The steps that draw these images, block by block. */
export function drawSteps(design: DrawDesign, draw: Draw, label: { part: StudyPart; item: string }): Step[] {
  return blocksOf(design, draw).map((first): Step => {
    const { use, text, adapter } = draw;
    const { steps, block } = samplingOf(design, use);
    const guidance = draw.guidance ?? GUIDANCE;
    return {
      ...label,
      id: blockId(design, draw, first),
      needs: adapter === null ? [] : [adapter.training],
      cost: { evaluations: (draw.rule?.evaluations ?? 2 * steps) * block, images: block, samples: 0 },
      request: (store): DrawRequest => ({
        kind: 'draw',
        text,
        seeds: Array.from({ length: block }, (_, i) => seedOf(use, text, first + i)),
        adapter: adapterFile(store, adapter),
        scheduler: use === 'pool' ? 'ddpm' : 'ddim',
        steps,
        guidance,
        ...(draw.rule === undefined ? {} : { rule: draw.rule.method }),
        ...(draw.base === undefined ? {} : { base: draw.base }),
      }),
    };
  });
}

/** An image with the timesteps of its trace. */
export type Candidate = DrawnImage & { readonly timesteps: readonly number[] };

/** The images of a draw, or undefined while some of them are not there. */
export function findDrawn(store: Store, design: DrawDesign, draw: Draw): readonly Candidate[] | undefined {
  const candidates: Candidate[] = [];
  for (const first of blocksOf(design, draw)) {
    const result = store.find<DrawResult>(blockId(design, draw, first));
    if (result === undefined) return undefined;
    candidates.push(...result.images.map((image) => ({ ...image, timesteps: result.timesteps })));
  }
  return ownPart(design, draw, candidates);
}

/** Of one value per image of the blocks that a draw touches, those of its own images. */
export function ownPart<T>(
  design: DrawDesign,
  { first, count, use }: Draw,
  values: readonly T[],
): readonly T[] {
  const skipped = first % samplingOf(design, use).block;
  return values.slice(skipped, skipped + count);
}

/** First images of the blocks that a draw touches. */
function blocksOf(design: DrawDesign, { first, count, use }: Draw): number[] {
  const { block } = samplingOf(design, use);
  const from = Math.floor(first / block);
  const to = Math.ceil((first + count) / block);
  return Array.from({ length: to - from }, (_, i) => (from + i) * block);
}

export function drawIds(design: DrawDesign, draw: Draw): readonly string[] {
  return blocksOf(design, draw).map((first) => blockId(design, draw, first));
}

function blockId(
  design: DrawDesign,
  { use, text, adapter, guidance = GUIDANCE, rule, base }: Draw,
  first: number,
): string {
  const untuned = base === undefined ? 'base' : `base ${base}`;
  const model = adapter === null ? untuned : `${adapter.training}@${adapter.step}`;
  const { steps, block } = samplingOf(design, use);
  const sampling = `s${steps}-g${guidance}-x${block}`;
  const by = rule === undefined ? '' : `/${rule.method.name}${JSON.stringify(rule.method.options)}`;
  return `draw/${use}/${sampling}/${text}/${first}/${model}${by}`;
}

/** How images of that use are drawn, and how many together. */
export function samplingOf(
  design: DrawDesign,
  use: Draw['use'],
): { readonly steps: number; readonly block: number } {
  const { steps, block, evaluationSteps, evaluationBlock } = design;
  return use === 'pool' ? { steps, block } : { steps: evaluationSteps, block: evaluationBlock };
}

function seedOf(use: Draw['use'], text: string, index: number): number {
  return candidateSeed({ seed: SEEDS[use], selection: SELECTION }, { text, occurrence: 0 }, index);
}

/** Name of the file that holds an adapter. */
export function adapterFile(store: Store, adapter: AdapterRef | null): string | null {
  if (adapter === null) return null;
  const { adapters } = store.read<TrainResult>(adapter.training);
  const found = adapters.find(({ step }) => step === adapter.step);
  if (found === undefined) throw new Error(`${adapter.training} kept no adapter at step ${adapter.step}.`);
  return found.file;
}
