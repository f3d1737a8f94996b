/** Algorithm 1, first half: M candidates per prompt, drawn by Algorithm 2 in fixed batches. */

import { drawnAtOnce } from '../contract/policy.ts';
import type { StepRecord } from '../diffusion/sample.ts';
import type { Scheduler } from '../diffusion/scheduler.ts';
import { StudioError } from '../lib/errors.ts';
import { sideBySide } from '../lib/sideBySide.ts';
import type { Tensor3D } from '../tensor/tf.ts';
import type { DrawCrew, Drawer, DrawnRows, RowsRequest } from './drawCrew.ts';
import { drawRows } from './drawRows.ts';
import { type DrawRule, guidanceRule, type StepRule } from './drawRule.ts';
import type { Session } from './session.ts';
import { contextsOf, denoiserOf, type Tuned } from './tuned.ts';

export type PoolTask = {
  /** Index into the run's prompt list, and its text. */
  readonly prompt: number;
  readonly text: string;
  readonly candidates: readonly { readonly candidate: number; readonly seed: number }[];
};

/** One candidate as it is stored: final latent in scaled space (NHWC) and what was measured at every step. */
export type DrawnCandidate = {
  readonly prompt: number;
  readonly candidate: number;
  readonly seed: number;
  readonly latent: Float32Array;
  /** ||epsCond - epsUncond||^2 at each of the scheduler's timesteps. */
  readonly squaredDifference: readonly number[];
};

export type DrawOptions = {
  readonly scheduler: Scheduler;
  /** Guidance scale of the sampling path; 1 for the conditional path. */
  readonly guidance: number;
  readonly batch: number;
  /** Guidance alone where absent. */
  readonly rule?: DrawRule | undefined;
  /** Who may draw beside. */
  readonly crew?: DrawCrew | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Network steps done so far, in candidates times steps. */
  readonly onSteps?: ((done: number) => void) | undefined;
  /** Sees every step of every batch; the tensors are the sampler's. */
  readonly onStep?: ((record: StepRecord) => void) | undefined;
};

/** A candidate that is to be drawn, with its prompt. */
type Row = Pick<DrawnCandidate, 'prompt' | 'candidate' | 'seed'> & { readonly text: string };

/**
 * Draws the tasks' candidates and yields them batch by batch, in order; batches that keep a GPU busy are of several prompts.
 * A candidate's numbers do not depend on which others share its batch nor on who draws it, so a run may stop after any yield
 * and go on with what is missing, batches that do not fit into memory are split, and a crew may draw some.
 */
export async function* drawPool(
  session: Session,
  tuned: Tuned | null,
  tasks: readonly PoolTask[],
  options: DrawOptions,
): AsyncGenerator<readonly DrawnCandidate[]> {
  const rule = options.rule ?? guidanceRule;
  const rows = Math.min(drawnAtOnce(session.policy, options.batch), rule.rows);
  const wanted = tasks.map(({ prompt, text, candidates }) =>
    candidates.map((candidate): Row => ({ ...candidate, prompt, text })),
  );
  // A method's own rule is prepared for one prompt.
  const spans = rule === guidanceRule && session.policy.drawAtLeast > 1;
  const batches = (spans ? [wanted.flat()] : wanted).flatMap((list) => batchesOf(list, rows));
  const done = batches.map(() => 0);
  const stepsOf = (index: number) => (steps: number) => {
    done[index] = steps;
    options.onSteps?.(done.reduce((sum, each) => sum + each, 0));
  };
  const own = (batch: readonly Row[], index: number): Promise<readonly DrawnCandidate[]> =>
    drawBatch(session, tuned, batch, { ...options, onSteps: stepsOf(index) });
  // A rule of a method's own, and whoever looks at every step, need the tensors of this worker.
  const isShared =
    rule === guidanceRule && options.onStep === undefined && (tuned?.adapter.fixed.length ?? 0) === 0;
  const crew = isShared ? options.crew : undefined;
  const drawers = crew?.hire(wanted.flat().length * options.scheduler.timesteps.length) ?? [];
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const others = drawers.map(
    (drawer) => (batch: readonly Row[], index: number) =>
      drawElsewhere(drawer, session, tuned, batch, { ...options, signal, onSteps: stepsOf(index) }),
  );
  try {
    yield* sideBySide(batches, own, others);
  } finally {
    over.abort();
    crew?.release();
  }
}

function batchesOf(list: readonly Row[], rows: number): (readonly Row[])[] {
  return Array.from({ length: Math.ceil(list.length / rows) }, (_, i) =>
    list.slice(i * rows, (i + 1) * rows),
  );
}

async function drawBatch(
  session: Session,
  tuned: Tuned | null,
  batch: readonly Row[],
  options: DrawOptions,
): Promise<readonly DrawnCandidate[]> {
  const seeds = batch.map(({ seed }) => seed);
  const contexts = await contextRows(session, tuned, batch, options.signal);
  let stepRule: StepRule | undefined;
  try {
    const { rule = guidanceRule, scheduler, guidance, signal } = options;
    const { text } = batch[0] as Row;
    const rows = seeds.length;
    stepRule = await rule.prepare({ session, tuned, text, rows, contexts, scheduler, guidance, signal });
    const drawn = await drawRows({
      ...stepRule,
      denoiser: denoiserOf(session, tuned),
      scheduler,
      contexts,
      seeds,
      latentShape: session.latentShape,
      signal,
      onStep: options.onStep,
      onSteps: options.onSteps,
    });
    return candidatesOf(batch, drawn);
  } finally {
    stepRule?.dispose();
    for (const context of contexts) context.dispose();
  }
}

async function drawElsewhere(
  drawer: Drawer,
  session: Session,
  tuned: Tuned | null,
  batch: readonly Row[],
  options: DrawOptions & Parameters<Drawer['draw']>[2],
): Promise<readonly DrawnCandidate[] | null> {
  const texts = batch.map(({ text }) => text);
  const known = contextsOf(session, tuned);
  await known.prepare(['', ...texts], options.signal);
  const uncond = await known.rowValues(texts.map(() => ''));
  const cond = await known.rowValues(texts);
  const { scheduler, guidance } = options;
  const request: RowsRequest = {
    seeds: batch.map(({ seed }) => seed),
    latentShape: session.latentShape,
    contexts: [uncond.values, cond.values],
    contextShape: cond.shape,
    scheduler: { config: scheduler.config, steps: scheduler.steps },
    guidance,
  };
  const drawn = await drawer.draw(request, tuned?.adapter ?? null, options);
  return drawn === null ? null : candidatesOf(batch, drawn);
}

/** Embeddings without and with the prompt, a row for each candidate; the caller disposes. */
async function contextRows(
  session: Session,
  tuned: Tuned | null,
  batch: readonly Row[],
  signal: AbortSignal | undefined,
): Promise<readonly [uncond: Tensor3D, cond: Tensor3D]> {
  const texts = batch.map(({ text }) => text);
  const known = contextsOf(session, tuned);
  await known.prepare(['', ...texts], signal);
  return [await known.rows(texts.map(() => '')), await known.rows(texts)];
}

/** @throws StudioError `sampling-not-finite` */
function candidatesOf(
  batch: readonly Row[],
  { latents, squaredDifference }: DrawnRows,
): readonly DrawnCandidate[] {
  const size = latents.length / batch.length;
  const wrong = latents.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw notFinite((batch[Math.floor(wrong / size)] as Row).text);
  return batch.map(({ prompt, candidate, seed }, n) => ({
    prompt,
    candidate,
    seed,
    latent: latents.slice(n * size, (n + 1) * size),
    squaredDifference: squaredDifference[n] ?? [],
  }));
}

function notFinite(prompt: string): StudioError {
  return new StudioError('sampling-not-finite', 'A drawn latent contains values that are not numbers.', {
    where: prompt,
    remedy: 'Lower the guidance or choose another scheduler; everything drawn before is kept.',
  });
}
