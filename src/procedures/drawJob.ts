/** A part of a pool that is drawn in one piece: here, or by a drawer with the same result. */
import type { StepRecord } from '../diffusion/sample.ts';
import type { Scheduler } from '../diffusion/scheduler.ts';
import { StudioError } from '../lib/errors.ts';
import type { Cut, PartialScore } from '../mi/earlyStop.ts';
import type { Tensor3D } from '../tensor/tf.ts';
import type { DrawCrew, Drawer, DrawnRows, RowsRequest, StoppedRow } from './drawCrew.ts';
import { drawRows, type OpenRows } from './drawRows.ts';
import { type DrawRule, guidanceRule } from './drawRule.ts';
import type { Session } from './session.ts';
import { contextsOf, denoiserOf, type Tuned } from './tuned.ts';

/** One candidate as it is stored: final latent in scaled space (NHWC) and what was measured at every step. */
export type DrawnCandidate = {
  readonly prompt: number;
  readonly candidate: number;
  readonly seed: number;
  readonly latent: Float32Array;
  /** ||epsCond - epsUncond||^2 at each of the scheduler's timesteps. */
  readonly squaredDifference: readonly number[];
};

/** One that was given up, with its score so far. */
export type StoppedCandidate = PartialScore & { readonly prompt: number };

export type DrawOptions = {
  readonly scheduler: Scheduler;
  /** Guidance scale of the sampling path; 1 for the conditional path. */
  readonly guidance: number;
  readonly batch: number;
  /** Where tasks are thinned out, and who hears of it before those that go on are drawn to the end. */
  readonly stop?:
    | (Pick<Cut, 'steps' | 'coefficients'> & {
        readonly onStopped: (stopped: readonly StoppedCandidate[]) => Promise<void>;
      })
    | undefined;
  /** Guidance alone where absent. */
  readonly rule?: DrawRule | undefined;
  /** Who may draw beside. */
  readonly crew?: DrawCrew | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Network steps done so far, in candidates times steps; those that early stopping saves count as done with the others. */
  readonly onSteps?: ((done: number) => void) | undefined;
  /** Sees every step of every batch; the tensors are the sampler's. */
  readonly onStep?: ((record: StepRecord) => void) | undefined;
};

/** A candidate that is to be drawn, with its prompt. */
export type Row = Pick<DrawnCandidate, 'prompt' | 'candidate' | 'seed'> & { readonly text: string };

export type DrawJob = {
  readonly rows: readonly Row[];
  /** Most of them at once. */
  readonly batch: number;
  readonly cut: Cut | null;
};

/**
 * Draws a job batch by batch.
 * @throws as `drawRows`
 */
export async function* drawJob(
  session: Session,
  tuned: Tuned | null,
  job: DrawJob,
  options: DrawOptions,
): AsyncGenerator<readonly DrawnCandidate[]> {
  const { scheduler, signal, onStep, onSteps } = options;
  const batches = drawRows({
    seeds: job.rows.map(({ seed }) => seed),
    latentShape: session.latentShape,
    batch: job.batch,
    cut: job.cut,
    open: (rows) =>
      openRows(
        session,
        tuned,
        rows.map((row) => job.rows[row] as Row),
        options,
      ),
    scheduler,
    signal,
    onStep,
    onSteps,
    onStopped: (stopped) => tell(job, stopped, options),
  });
  for await (const drawn of batches) yield candidatesOf(job, drawn);
}

/** The same by somebody else, all at once; null where they cannot. */
export async function drawElsewhere(
  drawer: Drawer,
  session: Session,
  tuned: Tuned | null,
  job: DrawJob,
  options: DrawOptions & Parameters<Drawer['draw']>[2],
): Promise<readonly (readonly DrawnCandidate[])[] | null> {
  const texts = job.rows.map(({ text }) => text);
  const known = contextsOf(session, tuned);
  await known.prepare(['', ...texts], options.signal);
  const uncond = await known.rowValues(texts.map(() => ''));
  const cond = await known.rowValues(texts);
  const { scheduler, guidance } = options;
  const request: RowsRequest = {
    seeds: job.rows.map(({ seed }) => seed),
    batch: job.batch,
    cut: job.cut,
    latentShape: session.latentShape,
    contexts: [uncond.values, cond.values],
    contextShape: cond.shape,
    scheduler: { config: scheduler.config, steps: scheduler.steps },
    guidance,
  };
  const all = await drawer.draw(request, tuned?.adapter ?? null, options);
  if (all === null) return null;
  if (job.cut !== null) await tell(job, all.stopped, options);
  return all.drawn.map((drawn) => candidatesOf(job, drawn));
}

async function tell(
  { rows }: DrawJob,
  stopped: readonly StoppedRow[],
  { stop }: Pick<DrawOptions, 'stop'>,
): Promise<void> {
  const candidates = stopped.map(({ row, score }): StoppedCandidate => {
    const { prompt, candidate } = rows[row] as Row;
    return { prompt, candidate, score };
  });
  await stop?.onStopped(candidates);
}

/** What the sampler is handed for these rows: embeddings without and with the prompt, and the rule made ready for them. */
async function openRows(
  session: Session,
  tuned: Tuned | null,
  rows: readonly Row[],
  { rule = guidanceRule, scheduler, guidance, signal }: DrawOptions,
): Promise<OpenRows> {
  const texts = rows.map(({ text }) => text);
  const known = contextsOf(session, tuned);
  await known.prepare(['', ...texts], signal);
  const contexts: readonly [uncond: Tensor3D, cond: Tensor3D] = [
    await known.rows(texts.map(() => '')),
    await known.rows(texts),
  ];
  const free = (): void => {
    for (const context of contexts) context.dispose();
  };
  try {
    const of = { session, tuned, text: texts[0] as string, rows: rows.length, contexts };
    const ready = await rule.prepare({ ...of, scheduler, guidance, signal });
    const dispose = (): void => {
      ready.dispose();
      free();
    };
    return { ...ready, denoiser: denoiserOf(session, tuned), contexts, dispose };
  } catch (error) {
    free();
    throw error;
  }
}

/** @throws StudioError `sampling-not-finite` */
function candidatesOf(
  job: DrawJob,
  { rows, latents, squaredDifference }: DrawnRows,
): readonly DrawnCandidate[] {
  const size = latents.length / rows.length;
  const wrong = latents.findIndex((value) => !Number.isFinite(value));
  const of = (n: number): Row => job.rows[rows[n] as number] as Row;
  if (wrong >= 0) throw notFinite(of(Math.floor(wrong / size)).text);
  return rows.map((_, n) => {
    const { prompt, candidate, seed } = of(n);
    return {
      prompt,
      candidate,
      seed,
      latent: latents.slice(n * size, (n + 1) * size),
      squaredDifference: squaredDifference[n] ?? [],
    };
  });
}

function notFinite(prompt: string): StudioError {
  return new StudioError('sampling-not-finite', 'A drawn latent contains values that are not numbers.', {
    where: prompt,
    remedy: 'Lower the guidance or choose another scheduler; everything drawn before is kept.',
  });
}
