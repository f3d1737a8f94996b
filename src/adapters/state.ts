/** Adapters and optimizer moments as plain data, for checkpoints: float32 both ways, so a restored one has the same bits. */
import * as v from 'valibot';
import { ADAPTER_KINDS } from '../contract/spec.ts';
import { StudioError } from '../lib/errors.ts';
import { linearFromCheckpoint } from '../tensor/layout.ts';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensor/tf.ts';
import { type AdaptedLayer, type Adapter, adapterParameters, type Target } from './adapter.ts';
import type { PlainAdapter, PlainLayer } from './plain.ts';

const floats = v.instance(Float32Array);

export const adapterStateSchema = v.object({
  kind: v.picklist(ADAPTER_KINDS),
  rank: v.pipe(v.number(), v.integer(), v.minValue(1)),
  layers: v.array(v.object({ module: v.string(), scaling: v.number() })),
  /** In the order of `adapterParameters`. */
  tensors: v.array(floats),
});
export type AdapterState = v.InferOutput<typeof adapterStateSchema>;

/** Reads an adapter back from the backend. */
export async function saveAdapterState(adapter: Adapter): Promise<AdapterState> {
  return {
    kind: adapter.kind,
    rank: adapter.rank,
    layers: adapter.layers.map(({ module, scaling }) => ({ module, scaling })),
    tensors: await readTensors(adapterParameters(adapter).map((p) => p.tensor)),
  };
}

/** Copies of the tensors' values. */
export async function readTensors(tensors: readonly Tensor[]): Promise<Float32Array<ArrayBuffer>[]> {
  const values: Float32Array<ArrayBuffer>[] = [];
  for (const tensor of tensors) values.push(new Float32Array((await tensor.data()) as Float32Array));
  return values;
}

/**
 * Brings a saved adapter back.
 * @throws StudioError `adapter-state-mismatch` when it was made for another model
 */
export function restoreAdapter(state: AdapterState, targets: readonly Target[]): Adapter {
  // All of it is checked before the first tensor is made.
  const layers = splitState(state, targets).map(
    ({ target, scaling, inputs, outputs, a, b, m }): AdaptedLayer => ({
      ...target,
      loraA: tf.keep(tf.tensor2d(a, [inputs, state.rank])) as Tensor2D,
      loraB: tf.keep(tf.tensor2d(b, [state.rank, outputs])) as Tensor2D,
      magnitude: m === null ? null : (tf.keep(tf.tensor1d(m)) as Tensor1D),
      scaling,
    }),
  );
  return { kind: state.kind, rank: state.rank, layers, fixed: [] };
}

/** The same as plain numbers, without a backend. @throws StudioError `adapter-state-mismatch` */
export function plainFromState(state: AdapterState, targets: readonly Target[]): PlainAdapter {
  const { rank } = state;
  const layers = splitState(state, targets).map(
    ({ target, scaling, inputs, outputs, a, b, m }): PlainLayer => {
      const down = linearFromCheckpoint(a, [inputs, rank]);
      const up = linearFromCheckpoint(b, [rank, outputs]);
      return {
        module: target.module,
        shape: target.shape ?? [outputs, inputs],
        update: { kind: 'lowRank', rank, down, up, scaling },
        magnitude: m === null ? null : { axis: 'output', over: 'updated', values: m },
      };
    },
  );
  return { layers };
}

function splitState(state: AdapterState, targets: readonly Target[]) {
  const byModule = new Map(targets.map((t) => [t.module, t]));
  let next = 0;
  const take = (size: number, module: string): Float32Array => {
    const values = state.tensors[next++];
    if (values?.length !== size) throw mismatch(module);
    return values;
  };
  return state.layers.map(({ module, scaling }) => {
    const target = byModule.get(module);
    if (target === undefined) throw mismatch(module);
    const [inputs, outputs] = target.layer.w.shape as [number, number];
    const a = take(inputs * state.rank, module);
    const b = take(state.rank * outputs, module);
    const m = state.kind === 'dora' ? take(outputs, module) : null;
    return { target, scaling, inputs, outputs, a, b, m };
  });
}

function mismatch(module: string): StudioError {
  return new StudioError(
    'adapter-state-mismatch',
    `The stored adapter does not fit this model at ${module}.`,
    {
      where: module,
      remedy: 'Load the model that the run was made with.',
    },
  );
}
