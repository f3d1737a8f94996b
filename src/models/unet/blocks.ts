/** Forward functions of the UNet's blocks (diffusers UNet2DConditionModel), NHWC. */
import { geglu } from '../../tensor/ops/activations.ts';
import { conv2d } from '../../tensor/ops/conv2d.ts';
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from '../../tensor/tf.ts';
import type { AttentionSite, Convolver, NetworkHooks, Projector } from '../hooks.ts';
import { attend, runConv, runGroupNorm, runLayerNorm, runLinear } from '../layers.ts';
import type { Linear } from '../parameters.ts';
import type { Attention, Layer, Resnet, Transformer, TransformerBlock } from './weights.ts';

/** What every block gets beside its activations. */
export type BlockInput = {
  /** silu(time embedding), [1, 4 C0] when all samples share the timestep, else [N, 4 C0]. */
  readonly temb: Tensor2D;
  /** Text context [N, L, D]. */
  readonly context: Tensor3D;
  readonly hooks: NetworkHooks;
  readonly groups: number;
  readonly normEps: number;
};

/** GroupNorm eps of the spatial transformer's entry, unlike the 1e-5 of the resnets. */
const TRANSFORMER_NORM_EPS = 1e-6;

/** Residual block and, where there is one, its transformer. x [N, H, W, Cin] -> [N, H, W, Cout]. */
export function runLayer(layer: Layer, x: Tensor4D, input: BlockInput): Tensor4D {
  return tf.tidy(() => {
    const h = tf.tidy(() => runResnet(layer.resnet, x, input));
    return layer.transformer === null ? h : runTransformer(layer.transformer, h, input);
  });
}

function runResnet(w: Resnet, x: Tensor4D, input: BlockInput): Tensor4D {
  const options = { groups: input.groups, eps: input.normEps, silu: true };
  const project = projectorOf(input);
  const convolve = convolverOf(input);
  let h = runGroupNorm(w.norm1, x, options);
  if (input.temb.shape[0] === 1 && input.hooks.project?.convolve === undefined) {
    // One timestep for all samples: its projection is a per-channel constant and rides on the bias.
    const bias = runLinear(w.timeProjection, input.temb, tf.reshape(w.conv1.b, [1, -1])); // [1, Cout]
    h = conv2d(h, w.conv1.w, tf.reshape(bias, [-1]));
  } else {
    const time = project(w.timeProjection, input.temb); // [N or 1, Cout]
    h = tf.add(convolve(w.conv1, h), tf.reshape(time, [-1, 1, 1, time.shape[1] as number]));
  }
  const residual = w.shortcut === null ? x : (project(w.shortcut, x) as Tensor4D);
  return convolve(w.conv2, runGroupNorm(w.norm2, h, options), { residual });
}

function runTransformer(w: Transformer, x: Tensor4D, input: BlockInput): Tensor4D {
  const [n, height, width, channels] = x.shape;
  const grid = [height, width] as const;
  const project = projectorOf(input);
  let h = tf.tidy(() => {
    const normed = runGroupNorm(w.norm, x, { groups: input.groups, eps: TRANSFORMER_NORM_EPS, silu: false });
    return project(w.projIn, tf.reshape(normed, [n, height * width, channels])) as Tensor3D;
  });
  for (const block of w.blocks) h = runTransformerBlock(block, h, grid, input);
  const tokens: Tensor3D = tf.reshape(x, [n, height * width, channels]);
  return tf.reshape(projectOnto(w.projOut, h, tokens, input), x.shape) as Tensor4D;
}

function runTransformerBlock(
  w: TransformerBlock,
  x: Tensor3D,
  grid: readonly [number, number],
  input: BlockInput,
): Tensor3D {
  const project = projectorOf(input);
  // What a step made goes before the next one: at 64 x 64 the intermediates of a whole block are 0.3 GB.
  const afterSelf = tf.tidy(() => {
    const normed = runLayerNorm(w.norm1, x);
    return projectOnto(w.attn1.toOut, mixTokens(w.attn1, normed, normed, grid, input), x, input);
  });
  const afterCross = tf.tidy(() => {
    const mixed = mixTokens(w.attn2, runLayerNorm(w.norm2, afterSelf), input.context, grid, input);
    return projectOnto(w.attn2.toOut, mixed, afterSelf, input);
  });
  afterSelf.dispose();
  const hidden = tf.tidy(() => geglu(project(w.feedIn, runLayerNorm(w.norm3, afterCross))));
  return tf.tidy(() => projectOnto(w.feedOut, hidden, afterCross, input));
}

/** A dense layer whose output is added to `residual`; in one pass where no adapter comes between. */
function projectOnto(layer: Linear, x: Tensor, residual: Tensor3D, input: BlockInput): Tensor3D {
  const { project } = input.hooks;
  return (
    project === undefined ? runLinear(layer, x, residual) : tf.add(residual, project(layer, x))
  ) as Tensor3D;
}

/** Adapters of other tools may sit on any layer, not only on attention. */
function projectorOf(input: BlockInput): Projector {
  return input.hooks.project ?? runLinear;
}

/** Convolutions as the hooks want them, or as they are. */
export function convolverOf({ hooks }: Pick<BlockInput, 'hooks'>): Convolver {
  return hooks.project?.convolve ?? runConv;
}

/** An attention layer up to its last projection. */
export function mixTokens(
  w: Attention,
  x: Tensor3D,
  context: Tensor3D,
  resolution: readonly [number, number],
  input: BlockInput,
): Tensor3D {
  const { hooks } = input;
  const project = projectorOf(input) as (layer: Linear, value: Tensor3D) => Tensor3D;
  const site: AttentionSite = { name: w.name, kind: w.kind, resolution, heads: w.heads };
  const other = w.kind === 'cross' ? hooks.context?.(site) : null;
  const keys = (other?.keys ?? [context]).map((c) => project(w.toK, c));
  const values = (other?.values ?? [context]).map((c) => project(w.toV, c));
  const q = project(w.toQ, x);
  const count = Math.max(keys.length, values.length);
  const outputs = Array.from({ length: count }, (_, i) =>
    attend(
      q,
      keys[i % keys.length] as Tensor3D,
      values[i % values.length] as Tensor3D,
      site,
      hooks.attention,
    ),
  );
  const first = outputs[0] as Tensor3D;
  return count === 1 ? first : (tf.div(tf.addN(outputs), count) as Tensor3D);
}
