/** Forward functions of the UNet's blocks (diffusers UNet2DConditionModel), NHWC. */
import { geglu } from '../../tensor/ops/activations.ts';
import { conv2d } from '../../tensor/ops/conv2d.ts';
import {
  canJoin,
  joinedLinear,
  type LayerNormParameters,
  normGeglu,
  normLinear,
  normTriple,
} from '../../tensor/ops/fusedLinear.ts';
import { joinedGroupNorm } from '../../tensor/ops/groupNorm.ts';
import { linearCombination } from '../../tensor/ops/linearCombination.ts';
import { concatChannels } from '../../tensor/ops/shape.ts';
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from '../../tensor/tf.ts';
import type { AttentionSite, Convolver, NetworkHooks, Projector } from '../hooks.ts';
import { attend, runConv, runGroupNorm, runLayerNorm, runLinear } from '../layers.ts';
import type { Linear, Norm } from '../parameters.ts';
import type { PreparedUnet } from './prepared.ts';
import type { Attention, Layer, Resnet, Transformer, TransformerBlock } from './weights.ts';

/** What every block gets beside its activations. */
export type BlockInput = {
  /** silu(time embedding), [1, 4 C0] when all samples share the timestep, else [N, 4 C0]; null at a prepared `step`. */
  readonly temb: Tensor2D | null;
  /** What was made once for all steps of a path, with `biases` of this one [1, sum of widths]. */
  readonly step?: PreparedUnet | undefined;
  /** Text context [N, L, D]. */
  readonly context: Tensor3D;
  readonly hooks: NetworkHooks;
  readonly groups: number;
  readonly normEps: number;
};

/** Height and width. */
type Grid = readonly [number, number];

const LAYER_NORM_EPS = 1e-5;

/** GroupNorm eps of the spatial transformer's entry, unlike the 1e-5 of the resnets. */
const TRANSFORMER_NORM_EPS = 1e-6;

/**
 * Residual block and, where there is one, its transformer. x [N, H, W, C] and, in up blocks, `skip` [N, H, W, C'], which
 * follows it along the channels -> [N, H, W, Cout].
 */
export function runLayer(layer: Layer, x: Tensor4D, skip: Tensor4D | null, input: BlockInput): Tensor4D {
  return tf.tidy(() => {
    const h = tf.tidy(() => runResnet(layer.resnet, x, skip, input));
    return layer.transformer === null ? h : runTransformer(layer.transformer, h, input);
  });
}

function runResnet(w: Resnet, h: Tensor4D, skip: Tensor4D | null, input: BlockInput): Tensor4D {
  const options = { groups: input.groups, eps: input.normEps, silu: true };
  if (skip !== null && w.shortcut !== null && isPlain(w.shortcut, input)) {
    const parts = [h, skip] as const;
    if (canJoin(w.shortcut.w, [h.shape[3], skip.shape[3]])) {
      const normed = joinedGroupNorm(parts, w.norm1.gamma, w.norm1.beta, options);
      const { w: weight, b } = w.shortcut;
      return secondHalf(w, normed, () => joinedLinear(parts, weight, b), input);
    }
  }
  const x = skip === null ? h : concatChannels([h, skip]);
  const residual = () => (w.shortcut === null ? x : (projectorOf(input)(w.shortcut, x) as Tensor4D));
  return secondHalf(w, runGroupNorm(w.norm1, x, options), residual, input);
}

/**
 * From the first convolution on. The residual is made after it: the tape adds up the gradients of what both read in the order
 * in which they ran, and runs of earlier versions go on to the same bits.
 */
function secondHalf(w: Resnet, x: Tensor4D, residual: () => Tensor4D, input: BlockInput): Tensor4D {
  const { temb, step, groups, normEps: eps } = input;
  const convolve = convolverOf(input);
  let h: Tensor4D;
  if (step !== undefined) {
    h = conv2d(x, w.conv1.w, step.biases, { firstBias: step.columns.get(w) as number });
  } else if (temb?.shape[0] === 1 && input.hooks.project?.convolve === undefined) {
    // One timestep for all samples: its projection is a per-channel constant and rides on the bias.
    const bias = runLinear(w.timeProjection, temb, tf.reshape(w.conv1.b, [1, -1])); // [1, Cout]
    h = conv2d(x, w.conv1.w, tf.reshape(bias, [-1]));
  } else {
    const time = projectorOf(input)(w.timeProjection, temb as Tensor2D); // [N or 1, Cout]
    h = tf.add(convolve(w.conv1, x), tf.reshape(time, [-1, 1, 1, time.shape[1] as number]));
  }
  const added = residual();
  return convolve(w.conv2, runGroupNorm(w.norm2, h, { groups, eps, silu: true }), { residual: added });
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

function runTransformerBlock(w: TransformerBlock, x: Tensor3D, grid: Grid, input: BlockInput): Tensor3D {
  // What a step made goes before the next one: at 64 x 64 the intermediates of a whole block are 0.3 GB.
  const afterSelf = tf.tidy(() => {
    const mixed = mixSelf(w, x, grid, input);
    return projectOnto(w.attn1.toOut, mixed, x, input);
  });
  const afterCross = tf.tidy(() => {
    const q = projectNormed(w.attn2.toQ, w.norm2, afterSelf, input);
    return projectOnto(w.attn2.toOut, mixContext(w.attn2, q, grid, input), afterSelf, input);
  });
  afterSelf.dispose();
  const hidden = tf.tidy(() => {
    return isPlain(w.feedIn, input)
      ? normGeglu(afterCross, normOf(w.norm3), w.feedIn.w, w.feedIn.b)
      : geglu(projectorOf(input)(w.feedIn, runLayerNorm(w.norm3, afterCross)));
  });
  return tf.tidy(() => projectOnto(w.feedOut, hidden, afterCross, input));
}

/**
 * A dense layer whose output is added to `residual`; in one pass without adapters. With one, also on another layer, the sum is
 * rounded as in runs of earlier versions.
 */
function projectOnto(layer: Linear, x: Tensor, residual: Tensor3D, input: BlockInput): Tensor3D {
  if (input.hooks.project === undefined) return runLinear(layer, x, residual) as Tensor3D;
  return linearCombination([
    [1, residual],
    [1, projectorOf(input)(layer, x) as Tensor3D],
  ]);
}

/** A dense layer on normalized rows; in one pass where no adapter comes between. */
function projectNormed(layer: Linear, norm: Norm, x: Tensor3D, input: BlockInput): Tensor3D {
  if (isPlain(layer, input)) return normLinear(x, normOf(norm), layer.w, layer.b);
  return projectorOf(input)(layer, runLayerNorm(norm, x)) as Tensor3D;
}

function normOf({ gamma, beta }: Norm): LayerNormParameters {
  return { gamma, beta, eps: LAYER_NORM_EPS };
}

/** True where no adapter changes the layer. */
function isPlain(layer: Linear, { hooks: { project } }: BlockInput): boolean {
  return project === undefined || project.changes?.(layer) === false;
}

/** Adapters of other tools may sit on any layer, not only on attention. */
function projectorOf(input: BlockInput): Projector {
  return input.hooks.project ?? runLinear;
}

/** Convolutions as the hooks want them, or as they are. */
export function convolverOf({ hooks }: Pick<BlockInput, 'hooks'>): Convolver {
  return hooks.project?.convolve ?? runConv;
}

/** Self-attention of normalized tokens up to its last projection. */
function mixSelf(w: TransformerBlock, x: Tensor3D, grid: Grid, input: BlockInput): Tensor3D {
  const { toQ, toK, toV } = w.attn1;
  const layers = [toQ, toK, toV] as const;
  if (layers.every((layer) => layer.b === null && isPlain(layer, input))) {
    const [q, k, v] = normTriple(x, normOf(w.norm1), [toQ.w, toK.w, toV.w]);
    return mix(w.attn1, q, { keys: [k], values: [v] }, grid, input);
  }
  const project = projectorOf(input);
  const normed = runLayerNorm(w.norm1, x);
  // In the order in which runs of earlier versions sum the gradients of what all three read.
  const [k, v, q] = [toK, toV, toQ].map((layer) => project(layer, normed)) as [Tensor3D, Tensor3D, Tensor3D];
  return mix(w.attn1, q, { keys: [k], values: [v] }, grid, input);
}

/** Cross-attention to the text up to its last projection. */
export function mixContext(w: Attention, q: Tensor3D, grid: Grid, input: BlockInput): Tensor3D {
  const known = input.step?.contexts.get(w);
  if (known !== undefined) return mix(w, q, { keys: [known.k], values: [known.v] }, grid, input);
  const project = projectorOf(input) as (layer: Linear, value: Tensor3D) => Tensor3D;
  const other = input.hooks.context?.(siteOf(w, grid));
  const keys = (other?.keys ?? [input.context]).map((c) => project(w.toK, c));
  const values = (other?.values ?? [input.context]).map((c) => project(w.toV, c));
  return mix(w, q, { keys, values }, grid, input);
}

type Sources = { readonly keys: readonly Tensor3D[]; readonly values: readonly Tensor3D[] };

/** Attention to each pair of keys and values, averaged. Lists of one are shared. */
function mix(w: Attention, q: Tensor3D, { keys, values }: Sources, grid: Grid, input: BlockInput): Tensor3D {
  const site = siteOf(w, grid);
  const count = Math.max(keys.length, values.length);
  const outputs = Array.from({ length: count }, (_, i) =>
    attend(
      q,
      keys[i % keys.length] as Tensor3D,
      values[i % values.length] as Tensor3D,
      site,
      input.hooks.attention,
    ),
  );
  const first = outputs[0] as Tensor3D;
  return count === 1 ? first : (tf.div(tf.addN(outputs), count) as Tensor3D);
}

function siteOf({ name, kind, heads }: Attention, resolution: Grid): AttentionSite {
  return { name, kind, resolution, heads };
}
