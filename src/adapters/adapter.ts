/**
 * Low-rank adapters on dense layers (LoRA, arXiv 2106.09685; DoRA, arXiv 2402.09353), in PEFT's conventions:
 * W' = W + s A B, and for DoRA each output column of W' rescaled to its trained magnitude m / ||W'||.
 * In memory A is [in, r] and B is [r, out]; files hold their transposes.
 */
import type { AdapterKind } from '../contract/spec.ts';
import { normals } from '../lib/philox.ts';
import type { Conv, Linear } from '../models/parameters.ts';
import { doraWeightNorm } from '../tensor/ops/dora.ts';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../tensor/tf.ts';
import { disposeWeight, type Weight } from '../tensor/weights.ts';

/** A layer that is adapted: its path with component, e.g. `unet.mid_block...attn2.to_k`, and the frozen layer. */
export type Target = {
  readonly module: string;
  readonly layer: Linear;
  /** Of the weight in a checkpoint, where it is not the transposed one in memory: 1x1 convolutions have four sides. */
  readonly shape?: readonly number[] | undefined;
};

export type AdaptedLayer = Target & {
  readonly loraA: Tensor2D;
  readonly loraB: Tensor2D;
  /** Length of every output column, or null for LoRA. */
  readonly magnitude: Tensor1D | null;
  /** s = alpha / rank. */
  readonly scaling: number;
};

/**
 * A layer as adapters of other tools may change it beyond that: convolutions, magnitudes of inputs, whole differences.
 * Applied and never trained: y = ((x i) W + (x i) down up) o + b, with `inputScale` i and `outputScale` o.
 */
export type FixedLayer = {
  readonly module: string;
  readonly layer: Linear | Conv;
  /** A [in, r] or as a kernel [kh, kw, in, r]; without `up` the whole difference. */
  readonly down: Weight;
  /** s B [r, out]. */
  readonly up: Weight | null;
  readonly inputScale: Tensor1D | null;
  readonly outputScale: Tensor1D | null;
};

/** Owns its tensors; free with `disposeAdapter`. */
export type Adapter = {
  readonly kind: AdapterKind;
  readonly rank: number;
  readonly layers: readonly AdaptedLayer[];
  /** Empty in adapters that are trained here. */
  readonly fixed: readonly FixedLayer[];
};

/** One trainable tensor with its place: `unet....to_k.down`. */
type NamedParameter = { readonly name: string; readonly tensor: Tensor };

/** Philox stream that the first layer's A is drawn from; layer n uses the n-th after it. */
const INIT_STREAM = 0x4c6f0000;

/**
 * A fresh adapter that leaves the model as it is: A ~ N(0, (1/r)^2), B = 0, magnitudes at the column norms of W
 * (PEFT `init_lora_weights="gaussian"`).
 */
export function initAdapter(
  kind: AdapterKind,
  rank: number,
  targets: readonly Target[],
  seed: number,
): Adapter {
  const layers = targets.map((target, index): AdaptedLayer => {
    const [inputs, outputs] = target.layer.w.shape as [number, number];
    const a = normals(seed, INIT_STREAM + index, 0, inputs * rank).map((x) => x / rank);
    const loraA = tf.keep(tf.tensor2d(a, [inputs, rank]));
    const loraB = tf.keep(tf.zeros<tf.Rank.R2>([rank, outputs]));
    const magnitude =
      kind === 'dora' ? tf.keep(doraWeightNorm(target.layer.w, loraA, loraB, 0) as Tensor1D) : null;
    return { ...target, loraA, loraB, magnitude, scaling: 1 };
  });
  return { kind, rank, layers, fixed: [] };
}

/** The trainable tensors in a fixed order: A, B and magnitude of each layer. */
export function adapterParameters(adapter: Adapter): readonly NamedParameter[] {
  return adapter.layers.flatMap((layer) => {
    const pair = [
      { name: `${layer.module}.down`, tensor: layer.loraA },
      { name: `${layer.module}.up`, tensor: layer.loraB },
    ];
    return layer.magnitude === null
      ? pair
      : [...pair, { name: `${layer.module}.magnitude`, tensor: layer.magnitude }];
  });
}

/** The same adapter over other tensors, given in the order of `adapterParameters`. Takes them over; frees nothing. */
export function withParameters(adapter: Adapter, tensors: readonly Tensor[]): Adapter {
  let next = 0;
  const take = <T extends Tensor>(): T => tensors[next++] as T;
  const layers = adapter.layers.map(
    (layer): AdaptedLayer => ({
      ...layer,
      loraA: take<Tensor2D>(),
      loraB: take<Tensor2D>(),
      magnitude: layer.magnitude === null ? null : take<Tensor1D>(),
    }),
  );
  return { ...adapter, layers };
}

/** True for the joint variant, under which prompts have other embeddings. */
export function adaptsText(adapter: Adapter): boolean {
  return [...adapter.layers, ...adapter.fixed].some((l) => l.module.startsWith('text_encoder.'));
}

/** Frees the trained matrices and those that an import holds fixed. */
export function disposeAdapter(adapter: Adapter): void {
  for (const { tensor } of adapterParameters(adapter)) tensor.dispose();
  for (const layer of adapter.fixed) disposeFixedLayer(layer);
}

function disposeFixedLayer({ down, up, inputScale, outputScale }: FixedLayer): void {
  disposeWeight(down);
  if (up !== null) disposeWeight(up);
  inputScale?.dispose();
  outputScale?.dispose();
}
