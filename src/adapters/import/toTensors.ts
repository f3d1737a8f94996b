/** An adapter of plain numbers as tensors, ready to run on the layers of a model. */
import type { Conv, Linear } from '../../models/parameters.ts';
import { convFromCheckpoint, linearFromCheckpoint } from '../../tensor/layout.ts';
import { type Tensor1D, type Tensor2D, tf } from '../../tensor/tf.ts';
import { makeWeight, type Weight } from '../../tensor/weights.ts';
import { type AdaptedLayer, type Adapter, disposeAdapter, type FixedLayer } from '../adapter.ts';
import { type FrozenWeights, magnitudeScales, overUpdatedNorm } from '../effective.ts';
import type { LowRankUpdate, PlainAdapter, PlainLayer } from '../plain.ts';

/** A layer that files may speak of, of either kind. */
export type ImportTarget = {
  readonly module: string;
  readonly layer: Linear | Conv;
  /** Of the weight in a checkpoint; by default the transposed one in memory. */
  readonly shape?: readonly number[] | undefined;
};

/** Shapes by module as a checkpoint has them. */
export function shapesOf(targets: readonly ImportTarget[]): ReadonlyMap<string, readonly number[]> {
  return new Map(targets.map((t) => [t.module, t.shape ?? checkpointShape(t.layer.w.shape)]));
}

function checkpointShape(inMemory: readonly number[]): readonly number[] {
  const [outputs, inputs, ...kernel] = inMemory.toReversed() as [number, number, ...number[]];
  return [outputs, inputs, ...kernel.toReversed()];
}

/**
 * Dense layers of low rank become what is trained here too; everything else is applied as it is.
 * @param targets every module of `plain` among them
 */
export async function adapterFromPlain(
  { layers: plain }: PlainAdapter,
  targets: readonly ImportTarget[],
  frozen: FrozenWeights,
): Promise<Adapter> {
  const byModule = new Map(targets.map((t) => [t.module, t]));
  const layers: AdaptedLayer[] = [];
  const fixed: FixedLayer[] = [];
  const made = (): Adapter => ({
    kind: plain.some((layer) => layer.magnitude !== null) ? 'dora' : 'lora',
    rank: Math.max(0, ...plain.map(({ update }) => (update.kind === 'lowRank' ? update.rank : 0))),
    layers,
    fixed,
  });
  try {
    for (const layer of plain) {
      const target = byModule.get(layer.module) as ImportTarget;
      if (isTrainable(layer, target)) layers.push(await adaptedLayer(layer, target, frozen));
      else fixed.push(await fixedLayer(layer, target, frozen));
    }
  } catch (error) {
    disposeAdapter(made());
    throw error;
  }
  return made();
}

type DenseLowRank = PlainLayer & { readonly update: LowRankUpdate };

function isTrainable(layer: PlainLayer, target: ImportTarget): layer is DenseLowRank {
  return (
    layer.update.kind === 'lowRank' && layer.magnitude?.axis !== 'input' && target.layer.w.shape.length === 2
  );
}

async function adaptedLayer(
  plain: DenseLowRank,
  target: ImportTarget,
  frozen: FrozenWeights,
): Promise<AdaptedLayer> {
  const { update, magnitude } = await overUpdatedNorm(plain, frozen);
  const layer = target.layer as Linear;
  const [inputs, outputs] = layer.w.shape as [number, number];
  const { rank, down, up, scaling } = update as LowRankUpdate;
  const transposed = (values: Float32Array, shape: [number, number]): Tensor2D =>
    tf.keep(tf.tensor2d(linearFromCheckpoint(values, shape), [shape[1], shape[0]]));
  return {
    module: target.module,
    layer,
    shape: target.shape,
    loraA: transposed(down, [rank, inputs]),
    loraB: transposed(up, [outputs, rank]),
    magnitude: magnitude === null ? null : tf.keep(tf.tensor1d(magnitude.values)),
    scaling,
  };
}

async function fixedLayer(
  plain: PlainLayer,
  { module, layer }: ImportTarget,
  frozen: FrozenWeights,
): Promise<FixedLayer> {
  const { update, magnitude } = plain;
  const scales = magnitude === null ? null : Float32Array.from(magnitudeScales(plain, await frozen(module)));
  const vector = (axis: 'input' | 'output'): Tensor1D | null =>
    scales !== null && magnitude?.axis === axis ? tf.keep(tf.tensor1d(scales)) : null;
  return {
    module,
    layer,
    ...matrices(update, layer),
    inputScale: vector('input'),
    outputScale: vector('output'),
  };
}

/** In the layouts of memory, the scaling in `up`. Whole differences at the precision of the weight they change. */
function matrices(update: PlainLayer['update'], { name, w }: Linear | Conv): Pick<FixedLayer, 'down' | 'up'> {
  if (update.kind === 'difference')
    return { down: weightOf(update.values, w.shape, w.format, `${name}.diff`), up: null };
  const { rank, down, up, scaling } = update;
  const outputs = w.shape.at(-1) as number;
  const scaled = up.map((x) => x * scaling);
  return {
    down: weightOf(down, [...w.shape.slice(0, -1), rank], 'f32', `${name}.down`),
    up: weightOf(scaled, [rank, outputs], 'f32', `${name}.up`),
  };
}

/** @param shape in memory: [in, out] or [kh, kw, in, out] */
function weightOf(
  values: Float32Array,
  shape: readonly number[],
  format: Weight['format'],
  name: string,
): Weight {
  const [outputs, inputs, width, height] = shape.toReversed() as [number, number, number, number];
  const inMemory =
    shape.length === 2
      ? linearFromCheckpoint(values, [outputs, inputs])
      : convFromCheckpoint(values, [outputs, inputs, height, width]);
  return makeWeight(inMemory, shape, format, name);
}
