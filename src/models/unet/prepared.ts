/**
 * What of a network's evaluations stays the same over the steps of a path, made once before the first: keys and values of
 * the text context in every cross-attention layer, and what the time embedding adds in every residual block.
 */
import { silu } from '../../tensor/ops/activations.ts';
import { concatChannels } from '../../tensor/ops/shape.ts';
import { type Tensor, type Tensor2D, type Tensor3D, tf } from '../../tensor/tf.ts';
import type { NetworkHooks, Projector } from '../hooks.ts';
import { runLinear } from '../layers.ts';
import { timestepEmbedding } from './timestep.ts';
import type { Attention, Layer, Resnet, UnetWeights } from './weights.ts';

type KeyValues = { readonly k: Tensor3D; readonly v: Tensor3D };

/** Owns its tensors; free it with `disposePrepared`. */
export type PreparedUnet = {
  /** By layer. */
  readonly contexts: ReadonlyMap<Attention, KeyValues>;
  /** Biases of the first convolutions with the time's share, a row for each timestep [T, sum of widths]. */
  readonly biases: Tensor2D;
  /** Column of `biases` where those of a residual block begin. */
  readonly columns: ReadonlyMap<Resnet, number>;
};

/** True where every step does the same: nobody looks on, and no adapter is on the residual blocks. */
export function canPrepare({ attention, context, project }: NetworkHooks): boolean {
  return attention === undefined && context === undefined && project?.convolve === undefined;
}

/**
 * @param timesteps those of the path, one for all samples
 * @param context [N, L, D]
 */
export function prepareUnet(
  weights: UnetWeights,
  timesteps: readonly number[],
  context: Tensor3D,
  hooks: NetworkHooks,
): PreparedUnet {
  const layers = layersOf(weights);
  const columns = new Map<Resnet, number>();
  let width = 0;
  for (const { resnet } of layers) {
    columns.set(resnet, width);
    width += resnet.conv1.b.shape[0];
  }
  const biases = tf.tidy(() => {
    const temb = embedTime(weights, timesteps, hooks.project ?? runLinear);
    const rows = layers.map(
      ({ resnet: { timeProjection, conv1 } }) => tf.add(runLinear(timeProjection, temb), conv1.b) as Tensor2D,
    );
    return tf.keep(concatChannels(rows));
  });
  const contexts = new Map<Attention, KeyValues>();
  if (hooks.context === undefined) {
    const project = hooks.project ?? runLinear;
    for (const layer of layers.flatMap(({ transformer }) => transformer?.blocks ?? [])) {
      const [k, v] = tf.tidy(() => [
        project(layer.attn2.toK, context),
        project(layer.attn2.toV, context),
      ]) as [Tensor3D, Tensor3D];
      contexts.set(layer.attn2, { k: tf.keep(k), v: tf.keep(v) });
    }
  }
  return { contexts, biases, columns };
}

/** silu(time embedding) [T, 4 C0]. */
export function embedTime(w: UnetWeights, t: readonly number[], project: Projector): Tensor2D {
  return tf.tidy(() => {
    const width = w.config.channels[0] as number;
    const sinusoid = tf.tensor2d(timestepEmbedding(t, width, w.config), [t.length, width]);
    // Every resnet applies SiLU to the embedding again before its own projection; it is done once here.
    return silu(project(w.time2, silu(project(w.time1, sinusoid)))) as Tensor2D;
  });
}

/** Frees what was computed once for all steps. */
export function disposePrepared({ contexts, biases }: PreparedUnet): void {
  const tensors: Tensor[] = [...contexts.values()].flatMap(({ k, v }) => [k, v]);
  tf.dispose([biases, ...tensors]);
}

/** Every residual block, each with its transformer. */
function layersOf({ down, mid, up }: UnetWeights): readonly Layer[] {
  return [...down.flatMap((b) => b.layers), mid.first, mid.last, ...up.flatMap((b) => b.layers)];
}
