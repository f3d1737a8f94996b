import * as v from 'valibot';
import { adapterParameters, type Target } from '../adapters/adapter.ts';
import { adapterStateSchema, readTensors, restoreAdapter, saveAdapterState } from '../adapters/state.ts';
import { mean, standardError } from '../lib/stats.ts';
import { type Tensor, tf } from '../tensor/tf.ts';
import type { TrainState } from './trainStep.ts';

/**
 * Everything training goes on from. The random numbers of a step follow from (seed, step), so `step` is the position
 * of all generators. `backend` and `kernels` say what computed it: only the same ones give the same bits again.
 */
const fields = v.object({
  version: v.literal(1),
  round: v.number(),
  step: v.number(),
  set: v.string(),
  backend: v.string(),
  kernels: v.record(v.string(), v.string()),
  adapter: adapterStateSchema,
  m: v.array(v.instance(Float32Array)),
  v: v.array(v.instance(Float32Array)),
  /** What the method keeps beside its adapter, by names of its own. */
  own: v.optional(v.record(v.string(), v.instance(Float32Array))),
});
export type Checkpoint = v.InferOutput<typeof fields>;

/** Moments belong to the adapter's tensors one by one. */
export const checkpointSchema = v.pipe(
  fields,
  v.check(({ adapter, m, v: squares }) =>
    [m, squares].every(
      (list) =>
        list.length === adapter.tensors.length &&
        list.every((moment, i) => moment.length === adapter.tensors[i]?.length),
    ),
  ),
);

export type CheckpointOrigin = {
  readonly round: number;
  /** Names the training set: a checkpoint of another set is not gone on from. */
  readonly set: string;
  readonly backend: string;
  readonly kernels: Record<string, string>;
};

/** Reads the whole training state back. */
export async function saveCheckpoint(
  state: TrainState,
  origin: CheckpointOrigin,
  own?: Checkpoint['own'],
): Promise<Checkpoint> {
  return {
    version: 1,
    ...origin,
    step: state.optimizer.step,
    adapter: await saveAdapterState(state.adapter),
    m: await readTensors(state.optimizer.m),
    v: await readTensors(state.optimizer.v),
    ...(own === undefined ? {} : { own }),
  };
}

/** Brings the training state back to the backend. */
export function restoreCheckpoint(checkpoint: Checkpoint, targets: readonly Target[]): TrainState {
  const adapter = restoreAdapter(checkpoint.adapter, targets);
  const params = adapterParameters(adapter).map((p) => p.tensor);
  const moments = (values: readonly Float32Array[]): Tensor[] =>
    values.map((data, i) => tf.keep(tf.tensor(data, (params[i] as Tensor).shape)));
  return {
    adapter,
    optimizer: { params, m: moments(checkpoint.m), v: moments(checkpoint.v), step: checkpoint.step },
  };
}

/** What a validation measured, per noise draw and over the same draws every time. */
type Validation = {
  /** Mean squared noise-prediction error per element, one value per draw. */
  readonly errors: readonly number[];
  /** Re-noised orthogonal estimate. */
  readonly mi: number;
};

/**
 * Whether `now` beats `best`. The lower error on held-out images wins; where the paired difference over the common
 * draws is within its own standard error, the higher MI does.
 */
export function isBetter(now: Validation, best: Validation | null): boolean {
  if (best === null) return true;
  const falls = best.errors.map((error, i) => error - (now.errors[i] as number));
  const fall = mean(falls);
  const uncertain = falls.length > 1 && Math.abs(fall) <= standardError(falls);
  return uncertain ? now.mi > best.mi : fall > 0;
}
