/** Algorithm 1, first half: M candidates per prompt, drawn by Algorithm 2 in fixed batches. */

import { drawnAtOnce } from '../contract/policy.ts';
import { type StepRecord, sample, seededNoise } from '../diffusion/sample.ts';
import type { Scheduler } from '../diffusion/scheduler.ts';
import { StudioError } from '../lib/errors.ts';
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
  readonly signal?: AbortSignal | undefined;
  /** Network steps done so far, in candidates times steps. */
  readonly onSteps?: ((done: number) => void) | undefined;
  /** Sees every step of every batch; the tensors are the sampler's. */
  readonly onStep?: ((record: StepRecord) => void) | undefined;
};

/**
 * Draws the tasks' candidates and yields them batch by batch. A candidate's numbers do not depend on which others
 * share its batch, so a run may stop after any yield and go on with what is missing, and batches that do not fit into
 * memory are split.
 */
export async function* drawPool(
  session: Session,
  tuned: Tuned | null,
  tasks: readonly PoolTask[],
  options: DrawOptions,
): AsyncGenerator<readonly DrawnCandidate[]> {
  let done = 0;
  const rows = Math.min(drawnAtOnce(session.policy, options.batch), (options.rule ?? guidanceRule).rows);
  for (const task of tasks) {
    for (let from = 0; from < task.candidates.length; from += rows) {
      const group = task.candidates.slice(from, from + rows);
      yield await drawBatch(session, tuned, task, group, {
        ...options,
        onSteps: (steps) => options.onSteps?.(done + steps),
      });
      done += group.length * options.scheduler.timesteps.length;
    }
  }
}

async function drawBatch(
  session: Session,
  tuned: Tuned | null,
  task: PoolTask,
  group: PoolTask['candidates'],
  options: DrawOptions,
): Promise<readonly DrawnCandidate[]> {
  const seeds = group.map((c) => c.seed);
  const known = contextsOf(session, tuned);
  await known.prepare(['', task.text], options.signal);
  const contexts = [
    await known.rows(seeds.map(() => '')),
    await known.rows(seeds.map(() => task.text)),
  ] as const;
  let stepRule: StepRule | undefined;
  let steps = 0;
  try {
    const { rule = guidanceRule, scheduler, guidance, signal } = options;
    const { text } = task;
    stepRule = await rule.prepare({
      session,
      tuned,
      text,
      rows: seeds.length,
      contexts,
      scheduler,
      guidance,
      signal,
    });
    const run = await sample({
      ...stepRule,
      denoiser: denoiserOf(session, tuned),
      scheduler,
      contexts,
      noise: seededNoise(seeds, session.latentShape),
      signal,
      onStep: (record) => {
        options.onStep?.(record);
        steps++;
        options.onSteps?.(steps * seeds.length);
      },
    });
    const values = (await run.latents.data()) as Float32Array;
    run.latents.dispose();
    if (!values.every(Number.isFinite)) throw notFinite(task.text);
    const size = values.length / seeds.length;
    return group.map(({ candidate, seed }, n) => ({
      prompt: task.prompt,
      candidate,
      seed,
      latent: values.slice(n * size, (n + 1) * size),
      squaredDifference: run.squaredDifference?.[n] ?? [],
    }));
  } finally {
    stepRule?.dispose();
    for (const context of contexts) context.dispose();
  }
}

function notFinite(prompt: string): StudioError {
  return new StudioError('sampling-not-finite', 'A drawn latent contains values that are not numbers.', {
    where: prompt,
    remedy: 'Lower the guidance or choose another scheduler; everything drawn before is kept.',
  });
}
