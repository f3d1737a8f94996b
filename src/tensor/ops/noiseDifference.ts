/**
 * Guidance and the MI term in one pass. From the two noise predictions of a step it gives the guided noise
 * `u + guidance (c - u)` (classifier-free guidance, Ho & Salimans 2022, eq. 6) and per sample the squared difference
 * `sum (c - u)^2` (MI-TUNE, Algorithm 2). No gradient: it is used while sampling only.
 */
import { StudioError } from '../../lib/errors.ts';
import { sizeOf } from '../compose.ts';
import type { Tensor } from '../tf.ts';
import { defineOp } from './define.ts';

const runNoiseDifference = defineOp<'noise', { readonly guidance: number }>({
  name: 'StudioNoiseDifference',
  composed: (compose, { noise }, { guidance }) => {
    const samples = (noise.shape[0] as number) / 2;
    const size = sizeOf(noise.shape.slice(1));
    const flat = compose.view(noise, [2 * samples, size]);
    const epsUncond = compose.slice(flat, [0, 0], [samples, size]);
    const epsCond = compose.slice(flat, [samples, 0], [samples, size]);
    const deltaEps = compose.sub(epsCond, epsUncond);
    const guided = compose.add(epsUncond, compose.mul(deltaEps, compose.scalar(guidance)));
    const squared = compose.sumLast(compose.mul(deltaEps, deltaEps));
    return [compose.view(guided, [samples, ...noise.shape.slice(1)]), compose.view(squared, [samples])];
  },
});

export type NoiseDifference = {
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
      remedy: 'This is a fault of the program; please report it.',
    });
  }
  const [guided, squaredDifference] = runNoiseDifference({ noise }, { guidance }) as [Tensor, Tensor];
  return { guided, squaredDifference };
}
