/** Group normalization, optionally followed by SiLU. gamma and beta are frozen; only `x` is differentiable. */
import type { Compose } from '../composed/compose.ts';
import { center, composeSiluSlope, type Means, normGradient } from '../composed/norm.ts';
import { sizeOf, type Tensor, type Tensor4D, type TensorInfo, type WebGPUBackend } from '../tf.ts';
import type { Heap } from '../wasm/heap.ts';
import { computesOnCpu } from '../webgpu/adapter.ts';
import { f32, foldedGroups, type Launch, launch, u32 } from '../webgpu/launch.ts';
import { constants } from '../webgpu/shader.ts';
import { SHADERS } from '../webgpu/shaders.ts';
import { defineOp, only } from './define.ts';

type GroupNormOptions = { readonly groups: number; readonly eps: number; readonly silu: boolean };

const runGroupNorm = defineOp<'x' | 'gamma' | 'beta', GroupNormOptions>({
  name: 'StudioGroupNorm',
  composed: (compose, { x, gamma, beta }, options) => {
    const means = groupMeans(options.groups);
    const { centered, inverseStd } = center(compose, asRows(compose, x), options.eps, means);
    const scale = compose.mul(inverseStd, gamma);
    // A float32 mean is off by its own rounding, which counts where the spread is far smaller than the mean. What is
    // left of it after centering is taken off per channel, without another pass over the pixels.
    const shift = compose.sub(beta, compose.mul(means(compose, centered), scale));
    const y = compose.add(compose.mul(centered, scale), shift);
    return compose.view(options.silu ? compose.mul(y, compose.unary('Sigmoid', y)) : y, x.shape);
  },
  webgpu: (backend, { x, gamma, beta }, options) =>
    launch(backend, { ...normLaunch(backend, 'group_norm', x, options), inputs: [x, gamma, beta] }),
  wasm: (heap, { x, gamma, beta }, options) => {
    const y = heap.allocate(x.shape);
    return runOnHeap(heap, 'groupNorm', [x, gamma, beta, y], options) ? y : null;
  },
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
  composed: (compose, { x, gamma, beta, dy }, options) => {
    const means = groupMeans(options.groups);
    const { centered, inverseStd } = center(compose, asRows(compose, x), options.eps, means);
    const normalized = compose.mul(centered, inverseStd);
    let upstream = asRows(compose, dy);
    if (options.silu) {
      const y = compose.add(compose.mul(normalized, gamma), beta);
      upstream = compose.mul(upstream, composeSiluSlope(compose, y));
    }
    const g = compose.mul(upstream, gamma);
    return compose.view(normGradient(compose, g, normalized, inverseStd, means), x.shape);
  },
  webgpu: (backend, { x, gamma, beta, dy }, options) =>
    launch(backend, {
      ...normLaunch(backend, 'group_norm_gradient', x, options),
      inputs: [x, gamma, beta, dy],
    }),
  wasm: (heap, { x, gamma, beta, dy }, options) => {
    const dx = heap.allocate(x.shape);
    return runOnHeap(heap, 'groupNormGradient', [x, gamma, beta, dy, dx], options) ? dx : null;
  },
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

const runJoinedNorm = defineOp<'x' | 'joined' | 'gamma' | 'beta', GroupNormOptions>({
  name: 'StudioJoinedGroupNorm',
  webgpu: (backend, { x, joined, gamma, beta }, options) =>
    launch(backend, {
      ...normLaunch(backend, 'group_norm', x, options, joined),
      inputs: [x, gamma, beta, joined],
    }),
});

/**
 * `groupNorm` of a tensor whose channels two tensors hold, which are not joined for it. Without a gradient and on webgpu
 * only.
 */
export function joinedGroupNorm(
  [x, joined]: readonly [Tensor4D, Tensor4D],
  gamma: Tensor,
  beta: Tensor,
  { groups, eps, silu }: GroupNormOptions,
): Tensor4D {
  return only(runJoinedNorm({ x, joined, gamma, beta }, { groups, eps, silu })) as Tensor4D;
}

/** Runs a kernel on tensors of which the first has the sizes. False when it cannot, with channels not divisible by 4. */
function runOnHeap(
  heap: Heap,
  kernel: 'groupNorm' | 'groupNormGradient',
  tensors: readonly TensorInfo[],
  { groups, eps, silu }: GroupNormOptions,
): boolean {
  const { shape } = tensors[0] as TensorInfo;
  const [samples, channels] = [shape[0] as number, shape.at(-1) as number];
  if (channels % 4 !== 0) return false;
  const pixels = sizeOf(shape) / (samples * channels);
  heap.callByRows(kernel, {
    rows: samples,
    unit: 20 * pixels * channels,
    // gamma and beta are shared by all samples.
    operands: tensors.map((tensor) => [tensor, tensor.shape.length === 1 ? 0 : pixels * channels]),
    sizes: (count) => [count, pixels, channels, groups, eps, silu ? 1 : 0],
    scratchBytes: heap.kernels.groupNormScratch(channels),
  });
  return true;
}

/** [N,H,W,C] to [N,pixels,1,C], so that one average pool takes the mean over pixels. */
function asRows(compose: Compose, x: TensorInfo): TensorInfo {
  const [samples, channels] = [x.shape[0] as number, x.shape.at(-1) as number];
  return compose.view(x, [samples, sizeOf(x.shape) / (samples * channels), 1, channels]);
}

/** Mean over pixels and the channels of each group, repeated per channel: [N,1,1,C]. */
function groupMeans(groups: number): Means {
  return (compose, x) => {
    const [samples, pixels, , channels] = x.shape as [number, number, number, number];
    const size = channels / groups;
    const pool = { filterSize: [pixels, 1], strides: [1, 1], pad: 'valid' };
    const byChannel = compose.run('AvgPool', { x }, pool);
    const sums = compose.sumLast(compose.view(byChannel, [samples * groups, size]));
    const means = compose.mul(sums, compose.filled(1 / size, [1, size]));
    return compose.view(means, [samples, 1, 1, channels]);
  };
}

/**
 * Threads for a group of so many values. Barriers cost per thread, on software adapters most of all: 256 values take 6 ms
 * with 16 threads and 20 ms with 64 (8 x 8x8x128 in 32 groups, SwiftShader, Chromium 156). A GPU has more threads than
 * there are groups to keep them busy.
 */
function threadsFor({ device }: WebGPUBackend, values: number): number {
  if (computesOnCpu(device.adapterInfo)) return values <= 1024 ? 16 : values <= 65_536 ? 64 : 256;
  return values <= 1024 ? 64 : 256;
}

function normLaunch(
  backend: WebGPUBackend,
  name: 'group_norm' | 'group_norm_gradient',
  x: TensorInfo,
  { groups, eps, silu }: GroupNormOptions,
  joined?: TensorInfo,
): Omit<Launch, 'inputs'> {
  const samples = x.shape[0] as number;
  const own = x.shape.at(-1) as number;
  const channels = own + (joined === undefined ? 0 : (joined.shape.at(-1) as number));
  const pixels = sizeOf(x.shape) / (samples * own);
  const threads = threadsFor(backend, (pixels * channels) / groups);
  return {
    label: `${name}/${threads}${joined === undefined ? '' : '/joined'}`,
    pieces: () => [
      SHADERS[name],
      SHADERS.group_norm_operands,
      ...(joined === undefined ? [] : [SHADERS.channels_joined]),
      constants({ threads }),
    ],
    outputs: [[...x.shape.slice(0, -1), channels]],
    uniforms: [
      ...[samples, pixels, channels, channels / groups, silu ? 1 : 0].map(u32),
      f32(eps),
      u32(joined === undefined ? 0 : own),
    ],
    groups: [groups, ...foldedGroups(backend, samples)],
  };
}
