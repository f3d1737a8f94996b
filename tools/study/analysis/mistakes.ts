/**
 * Which mistakes MI sees: within a prompt, how often it prefers a picture that shows everything to one with a given kind
 * of mistake. One half is chance, one is always.
 */
import { type Summary, summarize } from '../../../src/analysis/summary.ts';
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { mean } from '../../../src/lib/stats.ts';
import { parsePrompt } from '../../../src/shapes/parse.ts';
import { CONTACTS, type ShapesPrompt } from '../../../src/shapes/world.ts';
import type { MeasuredCandidate } from '../measures.ts';
import type { Pool } from './pools.ts';
import { referenceScore } from './scores.ts';

export const MISTAKE_KINDS = ['forgotten', 'contact', 'position', 'swapped', 'attribute'] as const;
export type MistakeKind = (typeof MISTAKE_KINDS)[number];

/**
 * The first kind that applies, or null for a picture without one: an object that is not there makes its attributes and
 * places moot, and swapped attributes are wrong ones too.
 */
export function mistakeOf(
  prompt: ShapesPrompt,
  { objects, claims }: Pick<MeasuredCandidate, 'objects' | 'claims'>,
): MistakeKind | null {
  const found = prompt.objects.map((phrase) => objects.filter(({ shape }) => shape === phrase.shape));
  if (found.some((same) => same.length === 0)) return 'forgotten';
  const wrong = prompt.objects.map((phrase, i) => !(found[i] ?? []).some((one) => fits(one, phrase)));
  if (wrong.every((is) => !is)) {
    const [link] = prompt.relations;
    // Claims of relations come last.
    if (link === undefined || claims.at(-1) === true) return null;
    return CONTACTS.some((name) => name === link.relation) ? 'contact' : 'position';
  }
  const [first, second] = prompt.objects;
  const swapped =
    first !== undefined &&
    second !== undefined &&
    (found[0] ?? []).some((one) => fits(one, second)) &&
    (found[1] ?? []).some((one) => fits(one, first));
  return swapped ? 'swapped' : 'attribute';
}

function fits(
  found: MeasuredCandidate['objects'][number],
  said: Pick<ShapesPrompt['objects'][number], 'color' | 'texture' | 'size'>,
): boolean {
  return (['color', 'texture', 'size'] as const).every(
    (name) => said[name] === null || said[name] === found[name],
  );
}

type MistakeRow = {
  readonly kind: MistakeKind;
  /** Share of all candidates that have it. */
  readonly share: number;
  /** Share of pairs (right, mistaken) of a prompt in which MI is higher for the right one; over prompts that have both. */
  readonly preferred: Summary;
};

export function mistakeRows(pools: readonly Pool[], schedule: NoiseSchedule): readonly MistakeRow[] {
  const { score } = referenceScore(schedule);
  const judged = pools.flatMap(({ text, candidates }) => {
    const prompt = parsePrompt(text);
    if (prompt === null) return [];
    return [candidates.map((c) => ({ kind: mistakeOf(prompt, c), score: score(c) }))];
  });
  const all = judged.flat();
  return MISTAKE_KINDS.map((kind) => ({
    kind,
    share: all.filter((c) => c.kind === kind).length / all.length,
    preferred: summarize(
      judged.map((candidates) => {
        const right = candidates.filter((c) => c.kind === null);
        const mistaken = candidates.filter((c) => c.kind === kind);
        // NaN, which summaries leave out, where a prompt lacks one of the two.
        return mean(right.flatMap((r) => mistaken.map((m) => preference(r.score, m.score))));
      }),
    ),
  }));
}

function preference(right: number, mistaken: number): number {
  return right === mistaken ? 0.5 : right > mistaken ? 1 : 0;
}
