/** Group normalization, optionally followed by SiLU. gamma and beta are frozen; only `x` is differentiable. */
import workgroupSum from '../../../shaders/common/workgroup_sum.wgsl?raw';
import code from '../../../shaders/nn/group_norm.wgsl?raw';
import gradientCode from '../../../shaders/nn/group_norm_gradient.wgsl?raw';
import { sizeOf } from '../compose.ts';
import { groupStatistics, type NormShape, normalizeInto, normGradientInto } from '../heapNorms.ts';
import { f32, type Launch, launch, u32 } from '../launch.ts';
import type { Tensor, TensorInfo } from '../tf.ts';
import { defineOp, only } from './define.ts';

export type GroupNormOptions = { readonly groups: number; readonly eps: number; readonly silu: boolean };

const runGroupNorm = defineOp<'x' | 'gamma' | 'beta', GroupNormOptions>({
  name: 'StudioGroupNorm',
  wasm: (heap, { x, gamma, beta }, options) => {
    const y = heap.allocate(x.shape);
    const from = heap.values(x);
    const statistics = groupStatistics(from, normShape(x, options));
    normalizeInto(heap.values(y), from, statistics, heap.values(gamma), heap.values(beta));
    return options.silu ? heap.mul(y, heap.unary('Sigmoid', y)) : y;
  },
  webgpu: (backend, { x, gamma, beta }, options) =>
    launch(backend, { ...normLaunch('group_norm', code, x, options), inputs: [x, gamma, beta] }),
  gradient: {
    save: ['x', 'gamma', 'beta'],
    run: ([dy], saved, options) => {
      const [x, gamma, beta] = saved as [Tensor, Tensor, Tensor];
      return { x: () => only(runGroupNormGradient({ x, gamma, beta, dy: dy as Tensor }, options)) };
    },
  },
});

const runGroupNormGradient = defineOp<'x' | 'gamma' | 'beta' | 'dy', GroupNormOptions>({
  name: 'StudioGroupNormGradient',
  wasm: (heap, { x, gamma, beta, dy }, options) => {
    const shape = normShape(x, options);
    const statistics = groupStatistics(heap.values(x), shape);
    const dx = heap.allocate(x.shape);
    let sigmoid: TensorInfo | undefined;
    if (options.silu) {
      normalizeInto(heap.values(dx), heap.values(x), statistics, heap.values(gamma), heap.values(beta));
      sigmoid = heap.unary('Sigmoid', dx);
    }
    const [to, upstream, scale] = [heap.values(dx), heap.values(dy), heap.values(gamma)];
    const s = sigmoid === undefined ? undefined : heap.values(sigmoid);
    for (let i = 0; i < to.length; i += shape.channels) {
      for (let c = 0; c < shape.channels; c++) {
        let slope = (upstream[i + c] as number) * (scale[c] as number);
        if (s !== undefined) slope *= siluSlope(to[i + c] as number, s[i + c] as number);
        to[i + c] = slope;
      }
    }
    normGradientInto(to, to, heap.values(x), statistics, shape);
    return dx;
  },
  webgpu: (backend, { x, gamma, beta, dy }, options) =>
    launch(backend, {
      ...normLaunch('group_norm_gradient', gradientCode, x, options),
      inputs: [x, gamma, beta, dy],
    }),
});

/**
 * @param x [N, H, W, C]
 * @param gamma [C]
 * @param beta [C]
 * @returns [N, H, W, C]
 */
export function groupNorm<T extends Tensor>(x: T, gamma: Tensor, beta: Tensor, options: GroupNormOptions): T {
  const { groups, eps, silu } = options;
  return only(runGroupNorm({ x, gamma, beta }, { groups, eps, silu })) as T;
}

/** d silu(y) / dy, given y and its sigmoid. */
function siluSlope(y: number, s: number): number {
  return s * (1 + y * (1 - s));
}

function normShape(x: TensorInfo, { groups, eps }: GroupNormOptions): NormShape {
  return { samples: x.shape[0] as number, channels: x.shape.at(-1) as number, groups, eps };
}

/** Values of a group from which a workgroup of 256 threads pays. */
const largeGroup = 4096;

function normLaunch(
  name: string,
  body: string,
  x: TensorInfo,
  { groups, eps, silu }: GroupNormOptions,
): Omit<Launch, 'inputs'> {
  const samples = x.shape[0] as number;
  const channels = x.shape.at(-1) as number;
  const pixels = sizeOf(x.shape) / (samples * channels);
  const threads = (pixels * channels) / groups > largeGroup ? 256 : 64;
  return {
    label: `${name}/${threads}`,
    code: () => `const threads = ${threads}u;\n${workgroupSum}${body}`,
    outputs: [x.shape],
    uniforms: [u32(pixels), u32(channels), u32(channels / groups), u32(silu ? 1 : 0), f32(eps)],
    groups: [groups, samples, 1],
  };
}
