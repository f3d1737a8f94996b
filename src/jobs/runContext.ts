import type { JobEvent, StageName } from '../contract/events.ts';
import type { MiTuneSpec } from '../contract/spec.ts';
import type { Scheduler } from '../diffusion/scheduler.ts';
import type { ErrorReport } from '../lib/errors.ts';
import { drawRuleOf, tuningOf } from '../methods/code.ts';
import type { MethodTuning } from '../methods/methodCode.ts';
import { type Chosen, chosenMethod, drawingMethod } from '../methods/registry.ts';
import type { Meter } from '../metrics/metric.ts';
import { type PlannedPrompt, planPrompts } from '../planning/promptPlan.ts';
import type { ScoreOptions } from '../procedures/drawAndScore.ts';
import type { DrawCrew } from '../procedures/drawCrew.ts';
import type { DrawRule } from '../procedures/drawRule.ts';
import { type Session, sessionScheduler } from '../procedures/session.ts';
import type { PoolHeader } from '../storage/poolFormat.ts';
import type { PoolLease } from '../storage/pools.ts';
import type { RunRecord } from '../storage/runRecord.ts';
import type { RunStore } from '../storage/runStore.ts';
import type { RunPatch } from '../storage/runs.ts';

/** What the engine lends to a job. */
export type JobTools = {
  /** Where the run is kept. */
  readonly store: RunStore;
  readonly session: Session;
  /** Name of the backend that computes, and the kernel variants in use, for checkpoints. */
  readonly backend: string;
  readonly kernels: Readonly<Record<string, string>>;
  /** What measures every image of this model as it is drawn. */
  readonly meters: readonly Meter[];
  /** Who may draw beside; nobody where absent. */
  readonly crew?: DrawCrew;
  /** Seconds on some steady clock. */
  readonly now: () => number;
  readonly emit: (event: JobEvent) => void;
  readonly signal: AbortSignal;
};

/** A run in work: its record, its plan and its open pool log. */
export type RunContext = JobTools & {
  readonly spec: MiTuneSpec;
  readonly plan: readonly PlannedPrompt[];
  readonly scheduler: Scheduler;
  readonly chosen: Chosen;
  /** What images are drawn by. */
  readonly rule: DrawRule;
  /** What is trained, on what. */
  readonly tuning: MethodTuning;
  /** The record as last stored. */
  record: RunRecord;
  /** Share of the current stage that is done, as last reported; stored when the stage is left. */
  progress: number;
};

/** Loads a run's record and plans it. */
export async function openRun(tools: JobTools): Promise<RunContext> {
  const record = await tools.store.load();
  const { spec } = record;
  return {
    ...tools,
    spec,
    plan: planPrompts(spec),
    chosen: chosenMethod(spec.method),
    rule: await drawRuleOf(spec),
    tuning: await tuningOf(spec),
    scheduler: sessionScheduler(tools.session, spec.sampling.scheduler, spec.sampling.steps),
    record,
    progress: record.progress,
  };
}

/** Stores changes of the record. */
export async function patchRecord(run: RunContext, patch: RunPatch): Promise<void> {
  const head = await run.store.save(patch);
  run.record = { ...run.record, ...patch, ...head };
}

/** Guidance of the sampling path: 1 follows the conditional path to the letter of Algorithm 2. */
export function pathGuidance(spec: MiTuneSpec): number {
  return spec.score.path === 'conditional' ? 1 : spec.sampling.guidance;
}

/** How the run's images are scored. */
export function scoreOptions({ scheduler, spec, meters, signal }: RunContext): ScoreOptions {
  return { scheduler, score: spec.score, meters, signal };
}

/** Opens the pool of a round; candidates drawn under other settings are refused. */
export async function openPool(
  run: Pick<RunContext, 'store' | 'spec' | 'scheduler' | 'session'>,
  round: number,
): Promise<PoolLease> {
  return run.store.pools.lease(round, logHeader(run));
}

/** What the images of a run have in common; `madeBy`: what else than its settings made those of one log. */
export function logHeader(
  run: Pick<RunContext, 'spec' | 'scheduler' | 'session'>,
  madeBy: Readonly<Record<string, number>> = {},
): PoolHeader {
  const { spec } = run;
  const [h, w, c] = run.session.latentShape;
  const { scheduler, steps } = spec.sampling;
  const drawnBy = drawingMethod(spec);
  return {
    latentSize: h * w * c,
    timesteps: run.scheduler.timesteps,
    source: JSON.stringify({
      model: spec.model,
      scheduler,
      steps,
      guidance: pathGuidance(spec),
      seed: spec.seed,
      // Absent for guidance alone, as in the logs of earlier versions.
      rule: drawnBy === null ? undefined : { name: drawnBy.method.name, options: drawnBy.options },
      ...madeBy,
    }),
  };
}

/** Records a warning and shows it, once per run. */
export async function warn(run: RunContext, report: ErrorReport): Promise<void> {
  const { code, message } = report;
  if (run.record.warnings.some((known) => known.code === code && known.message === message)) return;
  await run.store.warn([report]);
  await tellWarnings(run);
}

/** Shows the warnings that were added to the run since the last look: the storage adds some by itself. */
export async function tellWarnings(run: RunContext): Promise<void> {
  const { warnings } = await run.store.load();
  const known = new Set(run.record.warnings.map((report) => JSON.stringify(report)));
  run.record = { ...run.record, warnings };
  for (const report of warnings)
    if (!known.has(JSON.stringify(report))) run.emit({ type: 'warning', report });
}

/** Reports progress with the time left, from the pace of this stay in the stage. */
export class Progress {
  readonly #run: RunContext;
  readonly #stage: StageName;
  readonly #total: number;
  readonly #unit: string;
  readonly #startedAt: number;
  readonly #startedFrom: number;

  constructor(run: RunContext, stage: StageName, options: { done: number; total: number; unit: string }) {
    this.#run = run;
    this.#stage = stage;
    this.#total = options.total;
    this.#unit = options.unit;
    this.#startedAt = run.now();
    this.#startedFrom = options.done;
    this.report(options.done);
  }

  report(done: number): void {
    this.#run.progress = this.#total > 0 ? done / this.#total : 1;
    const elapsed = this.#run.now() - this.#startedAt;
    const made = done - this.#startedFrom;
    const secondsLeft = made > 0 ? (elapsed / made) * (this.#total - done) : null;
    this.#run.emit({
      type: 'progress',
      stage: this.#stage,
      done,
      total: this.#total,
      unit: this.#unit,
      secondsLeft,
    });
  }
}
