/** Moments of groups of channels: what group normalization needs of a tensor that is there in pieces. No gradient. */

import { sizeOf, type Tensor, type Tensor2D, type TensorInfo } from '../tf.ts';
import { launch, u32 } from '../webgpu/launch.ts';
import { constants } from '../webgpu/shader.ts';
import { SHADERS } from '../webgpu/shaders.ts';
import { defineOp } from './define.ts';

const threads = 256;

const runMoments = defineOp<'x', { readonly groups: number }>({
  name: 'StudioGroupMoments',
  wasm: (heap, { x }, { groups }) => {
    const { samples, pixels, channels } = sizesOf(x);
    const size = channels / groups;
    const [mean, squares] = [heap.allocate([samples, groups]), heap.allocate([samples, groups])];
    const from = heap.values(x);
    for (let sample = 0; sample < samples; sample++) {
      for (let group = 0; group < groups; group++) {
        const start = sample * pixels * channels + group * size;
        const over = (term: (value: number) => number): number => {
          let sum = 0;
          for (let pixel = 0; pixel < pixels; pixel++) {
            for (let c = 0; c < size; c++) sum += term(from[start + pixel * channels + c] as number);
          }
          return sum;
        };
        const center = over((value) => value) / (pixels * size);
        heap.values(mean)[sample * groups + group] = center;
        heap.values(squares)[sample * groups + group] = over((value) => (value - center) ** 2);
      }
    }
    return [mean, squares];
  },
  webgpu: (backend, { x }, { groups }) => {
    const { samples, pixels, channels } = sizesOf(x);
    return launch(backend, {
      label: `group_moments/${threads}`,
      pieces: () => [SHADERS.group_moments, constants({ threads })],
      outputs: [
        [samples, groups],
        [samples, groups],
      ],
      inputs: [x],
      uniforms: [u32(pixels), u32(channels), u32(channels / groups)],
      groups: [groups, samples, 1],
    });
  },
});

type GroupMoments = {
  /** [N, groups] */
  readonly mean: Tensor2D;
  /** Sum of squared deviations from the mean [N, groups]. */
  readonly squares: Tensor2D;
};

/** @param x [N, H, W, C] with C divisible by `groups` */
export function groupMoments(x: Tensor, groups: number): GroupMoments {
  const [mean, squares] = runMoments({ x }, { groups }) as [Tensor2D, Tensor2D];
  return { mean, squares };
}

function sizesOf({ shape }: TensorInfo): { samples: number; pixels: number; channels: number } {
  const [samples, channels] = [shape[0] as number, shape.at(-1) as number];
  return { samples, channels, pixels: sizeOf(shape) / (samples * channels) };
}
