/**
 * Guidance and the MI term in one pass. From the two noise predictions of a step it gives the guided noise
 * `u + guidance (c - u)` (classifier-free guidance, Ho & Salimans 2022, eq. 6) and per sample the squared difference
 * `sum (c - u)^2` (MI-TUNE, Algorithm 2). No gradient: it is used while sampling only.
 */

import { StudioError } from '../../lib/errors.ts';
import { sizeOf, type Tensor } from '../tf.ts';
import { packOf } from '../webgpu/elementwise.ts';
import { f32, flatGroups, launch, u32 } from '../webgpu/launch.ts';
import { SHADERS } from '../webgpu/shaders.ts';
import { defineOp } from './define.ts';

const runNoiseDifference = defineOp<'noise', { readonly guidance: number }>({
  name: 'StudioNoiseDifference',
  wasm: (heap, { noise }, { guidance }) => {
    const samples = (noise.shape[0] as number) / 2;
    const half = samples * sizeOf(noise.shape.slice(1));
    const guided = heap.allocate([samples, ...noise.shape.slice(1)]);
    const squared = heap.allocate([samples]);
    const [from, to, sums] = [heap.values(noise), heap.values(guided), heap.values(squared)];
    let i = 0;
    for (let sample = 0; sample < samples; sample++) {
      let sum = 0;
      for (const end = (half / samples) * (sample + 1); i < end; i++) {
        const epsUncond = from[i] as number;
        const deltaEps = (from[half + i] as number) - epsUncond;
        to[i] = epsUncond + guidance * deltaEps;
        sum += deltaEps * deltaEps;
      }
      sums[sample] = sum;
    }
    return [guided, squared];
  },
  webgpu: (backend, { noise }, { guidance }) => {
    const samples = (noise.shape[0] as number) / 2;
    const size = sizeOf(noise.shape.slice(1));
    const packed = size % 4 === 0;
    return launch(backend, {
      label: `noise_difference/${packed ? 'vec4' : 'scalar'}`,
      pieces: () => [SHADERS.noise_difference, packOf(packed ? 4 : 1)],
      outputs: [[samples, ...noise.shape.slice(1)], [samples]],
      inputs: [noise],
      uniforms: [f32(guidance), u32(packed ? size / 4 : size), u32(samples)],
      groups: flatGroups(backend, samples, 1),
    });
  },
});

type NoiseDifference = {
  /** [N, h, w, c] */
  readonly guided: Tensor;
  /** [N] */
  readonly squaredDifference: Tensor;
};

/**
 * @param noise [2N, h, w, c], the unconditional half first
 * @throws StudioError `odd-batch` when the first dimension is odd
 */
export function noiseDifference(noise: Tensor, guidance: number): NoiseDifference {
  if ((noise.shape[0] as number) % 2 !== 0) {
    throw new StudioError('odd-batch', 'Guidance needs an unconditional and a conditional half.', {
      remedy: 'This is a bug; please report it.',
    });
  }
  const [guided, squaredDifference] = runNoiseDifference({ noise }, { guidance }) as [Tensor, Tensor];
  return { guided, squaredDifference };
}
