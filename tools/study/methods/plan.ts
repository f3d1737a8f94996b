/** The comparison of methods as steps: a pool for every seed, the rounds of every method on it, and images of every arm. */
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { GUIDANCE } from '../design.ts';
import { type AdapterRef, adapterFile, type Draw, drawIds, drawSteps, findDrawn } from '../draws.ts';
import { promptsOfAll } from '../prompts.ts';
import type { TuneRequest } from '../protocol.ts';
import { selectionScore } from '../selection.ts';
import { distinctSteps, type Step } from '../steps.ts';
import type { Store } from '../store.ts';
import {
  armName,
  armsOf,
  candidatesOf,
  costOf,
  imageCost,
  iterationsOf,
  keepOf,
  type MethodArm,
  type MethodsDesign,
} from './design.ts';

type TunedArm = Extract<MethodArm, { kind: 'tuned' }>;

/** Images of the best-of-several arm lie beyond those of all others. */
const BEST_FROM = 1000;

/** All steps: seed by seed, and within one the arms in the order of the table, further rounds last. */
export function methodSteps(design: MethodsDesign, schedule: NoiseSchedule): Step[] {
  const seeds = Array.from({ length: design.seeds }, (_, seed) => seed);
  const arms = armsOf(design).toSorted((a, b) => roundsOf(a) - roundsOf(b));
  return distinctSteps(seeds.flatMap((seed) => arms.flatMap((arm) => armSteps(design, schedule, arm, seed))));
}

function roundsOf(arm: MethodArm): number {
  return arm.kind === 'tuned' ? arm.rounds : 0;
}

function armSteps(design: MethodsDesign, schedule: NoiseSchedule, arm: MethodArm, seed: number): Step[] {
  const item = armName(arm);
  const training = Array.from({ length: roundsOf(arm) }, (_, round) => [
    ...poolDraws(design, arm as TunedArm, seed, round).flatMap((draw) =>
      drawSteps(design, draw, { part: 'methods', item: round === 0 ? 'pool' : item }),
    ),
    tuneStep(design, schedule, arm as TunedArm, seed, round),
  ]).flat();
  const images = testDraws(design, arm, seed).flatMap((draw) =>
    drawSteps(design, draw, { part: 'methods', item }),
  );
  return [...training, ...images];
}

/** The images of one arm and seed, prompt by prompt. */
export function testDraws(design: MethodsDesign, arm: MethodArm, seed: number): readonly Draw[] {
  const each = arm.kind === 'best' ? design.bestOf * design.test.images : design.test.images;
  const first = arm.kind === 'best' ? BEST_FROM + seed * each : seed * each;
  const rule = arm.kind === 'drawn' ? { method: arm.choice, evaluations: imageCost(design, arm) } : undefined;
  const adapter = arm.kind === 'tuned' ? trained(design, arm, seed, arm.rounds - 1) : null;
  return promptsOfAll('test', design.categories, design.test.prompts).map(({ text }) => ({
    text,
    first,
    count: each,
    use: 'evaluation',
    adapter,
    rule,
  }));
}

/** The pool of a round: the base model's in the first, then the adapter's of the round before. */
function poolDraws(design: MethodsDesign, arm: TunedArm, seed: number, round: number): readonly Draw[] {
  return promptsOfAll('train', design.categories, design.pool.prompts).map(({ text }) => ({
    text,
    first: seed * design.pool.candidates,
    count: candidatesOf(design, arm.rounds),
    use: 'pool',
    adapter: round === 0 ? null : trained(design, arm, seed, round - 1),
  }));
}

/** The adapter that a round ends with. */
function trained(design: MethodsDesign, arm: TunedArm, seed: number, round: number): AdapterRef {
  return { training: tuneId(design, arm, seed, round), step: iterationsOf(design, arm.choice, arm.rounds) };
}

function tuneId(design: MethodsDesign, arm: TunedArm, seed: number, round: number): string {
  const { choice, rounds } = arm;
  const { pool, categories, learningRate, batch, rank, steps } = design;
  const method = `${choice.name}${JSON.stringify(choice.options)}`;
  const set = `${categories.join('+')}${pool.prompts}/M${candidatesOf(design, rounds)}of${pool.candidates}/k${keepOf(design, rounds)}/s${steps}`;
  const training = `lr${learningRate}-i${iterationsOf(design, choice, rounds)}-b${batch}-dora${rank}`;
  return `tune/${method}/${set}/${training}/r${seed}/${round + 1}of${rounds}`;
}

function tuneStep(
  design: MethodsDesign,
  schedule: NoiseSchedule,
  arm: TunedArm,
  seed: number,
  round: number,
): Step {
  const draws = poolDraws(design, arm, seed, round);
  const start = round === 0 ? null : trained(design, arm, seed, round - 1);
  const iterations = iterationsOf(design, arm.choice, arm.rounds);
  const { perUpdate } = costOf(design, arm.choice, 'pool');
  return {
    part: 'methods',
    item: armName(arm),
    id: tuneId(design, arm, seed, round),
    needs: [...draws.flatMap((draw) => drawIds(design, draw)), ...(start === null ? [] : [start.training])],
    // A training sample is a forward and a backward pass.
    cost: { evaluations: 0, images: 0, samples: (iterations * perUpdate) / 3 },
    request: (store): TuneRequest => ({
      kind: 'tune',
      method: arm.choice,
      pool: draws.flatMap((draw, prompt) => poolOf(store, schedule, design, draw, prompt)),
      keep: keepOf(design, arm.rounds),
      adapter: 'dora',
      rank: design.rank,
      learningRate: design.learningRate,
      batch: design.batch,
      iterations,
      steps: design.steps,
      guidance: GUIDANCE,
      seed: 1000 * seed + round,
      start: adapterFile(store, start),
    }),
  };
}

function poolOf(
  store: Store,
  schedule: NoiseSchedule,
  design: MethodsDesign,
  draw: Draw,
  prompt: number,
): TuneRequest['pool'] {
  return (findDrawn(store, design, draw) ?? []).map((image, candidate) => ({
    prompt,
    text: draw.text,
    candidate,
    seed: image.seed,
    latent: image.latent,
    score: selectionScore(schedule, 'guided', { ...image, renoised: null }),
  }));
}
