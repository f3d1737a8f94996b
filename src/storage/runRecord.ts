/**
 * What is stored of a run beside its pool log and checkpoints, and the checks it passes when it is read again.
 *
 * A head that lists and progress read; parts that change rarely, each under a key of its own; and series that grow.
 * Objects keep fields that are not known here, so that newer records survive an older page.
 */
import * as v from 'valibot';
import {
  type EvaluationRecord,
  type Measured,
  type MetricChange,
  type MetricMean,
  type MetricRecord,
  type Picked,
  type RoundSelection,
  STAGES,
  type StageName,
  type StoppedRecord,
  type TrainRecord,
  type ValidationRecord,
} from '../contract/events.ts';
import { looseSpecSchema } from '../contract/runSchema.ts';
import { RUN_STATUSES, type RunSummary } from '../contract/runTypes.ts';
import { type MiTuneSpec, WEIGHTS } from '../contract/spec.ts';
import type { ErrorReport } from '../lib/errors.ts';

export type RunHead = Omit<RunSummary, 'sizeBytes'> & {
  /** 1 before records were sealed and training states lay in files. */
  readonly version: 1 | 2;
  /** Seconds spent, by what they were spent on. */
  readonly seconds: Readonly<Record<string, number>>;
  /** What the run was begun on; missing before. */
  readonly computedBy?: ComputedBy;
  /** SHA-256 of the model's files, as far as they were read (`engine/fingerprints.ts`); missing before. */
  readonly weights?: Readonly<Record<string, string>>;
};

/** A backend with the forms of its kernels: only the same ones give the same bits again. */
export type ComputedBy = { readonly backend: string; readonly kernels: Readonly<Record<string, string>> };

export type RunParts = {
  readonly spec: MiTuneSpec;
  /** Indices of prompts held out for validation. */
  readonly heldOut: readonly number[];
  /** All versions; the last of a round is the one in force. */
  readonly selections: readonly RoundSelection[];
  readonly evaluations: readonly EvaluationRecord[];
  readonly warnings: readonly ErrorReport[];
};

export type RunRecord = RunHead & RunParts;

/** What a candidate's record has that the pool log does not. */
export type ScoreEntry = Picked & {
  readonly round: number;
  readonly score: number;
  readonly standardError: number | null;
  readonly metrics: MetricRecord;
  /** Raw numbers of the re-noised path, from which other weights give other scores; null on sampling paths. */
  readonly terms: Float32Array | null;
};

export type RunSeries = {
  readonly train: TrainRecord;
  readonly validation: ValidationRecord;
  readonly scores: ScoreEntry;
  readonly stopped: StoppedRecord;
};
export type SeriesName = keyof RunSeries;

/** Stages that earlier versions stored under another name. */
const RENAMED_STAGES: ReadonlyMap<string, StageName> = new Map([['score', 'real-images']]);
const currentStage = (name: string): string => RENAMED_STAGES.get(name) ?? name;
const renameStages = (seconds: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(seconds).map(([name, value]) => [currentStage(name), value]));

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
/** Also NaN and infinite: a run that diverged must stay readable. */
const real = v.custom<number>((value) => typeof value === 'number', 'not a number');
const interval = v.object({ mean: real, low: real, high: real });
const mean = { value: real, parts: v.exactOptional(v.record(v.string(), real)) };
const asked = v.array(v.object({ question: v.string(), probability: real }));
const measured = v.object({ ...mean, asked: v.exactOptional(asked) });
const metricMean = v.object({ ...mean, images: count });
const metricChange = v.object({ before: metricMean, after: metricMean, change: interval });
/** Records of the first versions had the exact score alone, under a field of its own. */
const exactScore = v.nullable(v.object({ share: real, strict: v.boolean() }));
const exactMean = v.object({ share: real, strict: real, images: count });
const exactChange = v.nullable(v.object({ before: exactMean, after: exactMean, change: interval }));
/** Runs of the first versions had one version of everything. */
const version = v.optional(count, 0);
const picked = v.object({ prompt: count, candidate: count });
const rankingSchema = v.object({
  weights: v.picklist(WEIGHTS),
  truncation: real,
  candidates: count,
  keep: count,
});

export const headSchema: v.GenericSchema<unknown, RunHead> = v.looseObject({
  version: v.picklist([1, 2]),
  id: v.string(),
  name: v.string(),
  createdAt: real,
  updatedAt: real,
  status: v.picklist(RUN_STATUSES),
  stage: v.pipe(v.string(), v.transform(currentStage), v.picklist(STAGES)),
  round: count,
  progress: real,
  seconds: v.pipe(v.record(v.string(), real), v.transform(renameStages)),
  weights: v.exactOptional(v.record(v.string(), v.string())),
  computedBy: v.exactOptional(v.object({ backend: v.string(), kernels: v.record(v.string(), v.string()) })),
});

/** One schema for each part: a new part or field in the types does not compile without its check here. */
export const partSchemas: { readonly [P in keyof RunParts]: v.GenericSchema<unknown, RunParts[P]> } = {
  spec: looseSpecSchema,
  heldOut: v.array(count),
  selections: v.array(
    v.object({ version, round: count, picks: v.array(picked), ranking: v.exactOptional(rankingSchema) }),
  ),
  evaluations: v.array(
    v.pipe(
      v.looseObject({
        version,
        round: count,
        adapterStep: count,
        errorFall: v.nullable(interval),
        mi: v.object({ before: real, after: real, change: interval }),
        metrics: v.exactOptional(v.record(v.string(), metricChange)),
        exact: v.exactOptional(exactChange),
      }),
      v.transform(({ exact, metrics, ...rest }) => ({
        ...rest,
        metrics: metrics ?? (exact == null ? {} : { exact: changeOfExact(exact) }),
      })),
    ),
  ),
  warnings: v.array(
    v.object({
      code: v.string(),
      message: v.string(),
      remedy: v.string(),
      where: v.exactOptional(v.string()),
    }),
  ),
};

export const seriesSchemas: { readonly [S in SeriesName]: v.GenericSchema<unknown, RunSeries[S]> } = {
  train: v.looseObject({
    version,
    round: count,
    step: count,
    loss: real,
    gradNorm: real,
    learningRate: real,
  }),
  validation: v.looseObject({
    version,
    round: count,
    step: count,
    loss: real,
    mi: real,
    best: v.boolean(),
  }),
  stopped: v.looseObject({ ...picked.entries, round: count, score: real }),
  scores: v.pipe(
    v.looseObject({
      ...picked.entries,
      round: count,
      score: real,
      standardError: v.nullable(real),
      metrics: v.exactOptional(v.record(v.string(), measured)),
      exact: v.exactOptional(exactScore),
      terms: v.nullable(v.instance(Float32Array)),
    }),
    v.transform(({ exact, metrics, ...rest }) => ({
      ...rest,
      metrics: metrics ?? (exact == null ? {} : { exact: measuredExact(exact) }),
    })),
  ),
};

function measuredExact({ share, strict }: { share: number; strict: boolean | number }): Measured {
  return { value: share, parts: { strict: Number(strict) } };
}

function changeOfExact({
  before,
  after,
  change,
}: NonNullable<v.InferOutput<typeof exactChange>>): MetricChange {
  const mean = (side: typeof before): MetricMean => ({ ...measuredExact(side), images: side.images });
  return { before: mean(before), after: mean(after), change };
}
