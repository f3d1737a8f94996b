/**
 * Gaussian transition kernels p(z_prev | z_t, output) of the stochastic samplers: mean and standard
 * deviation apart from sampling, and the log-density policy-gradient methods need.
 *
 * Source: Ho et al. 2020, eq. 7 (DDPM); Song et al. 2021, eq. 12 and 16 (DDIM); the per-element average
 * of the log-density follows DPOK (Fan et al. 2023, official code).
 */
import { StudioError } from '../lib/errors.ts';
import type { LinearForm } from './parametrization.ts';
import type { NormedSpace, Term, VectorSpace } from './vectorSpace.ts';

/** z_prev ~ N(mean.z * zt + mean.output * output, std^2 I). */
export type GaussianKernel = { readonly mean: LinearForm; readonly std: number };

/** One draw of the kernel in a single combination; `noise` is unit normal, or null where std is 0. */
export function sampleKernel<T>(
  space: VectorSpace<T>,
  kernel: GaussianKernel,
  z: T,
  { output, noise }: { readonly output: T; readonly noise: T | null },
): T {
  const terms: Term<T>[] = [
    [kernel.mean.z, z],
    [kernel.mean.output, output],
  ];
  if (noise !== null) terms.push([kernel.std, noise]);
  return space.combine(terms);
}

/**
 * log-density per element as scale * meanSquare(z_prev - mean) + offset, so that a caller with gradients
 * can apply it to a tensor.
 */
export function logProbCoefficients(std: number): { readonly scale: number; readonly offset: number } {
  if (!(std > 0)) {
    throw new StudioError(
      'kernel-deterministic',
      'This sampler step adds no noise, so it has no log-probability.',
      {
        remedy: 'Use DDPM, or DDIM with eta above 0.',
        where: `std=${std}`,
      },
    );
  }
  return { scale: -1 / (2 * std * std), offset: -Math.log(std) - 0.5 * Math.log(2 * Math.PI) };
}

/** log p(next | z, output), averaged (not summed) over elements, in nats per element. */
export function logProb<T>(
  space: NormedSpace<T>,
  kernel: GaussianKernel,
  from: { readonly z: T; readonly output: T },
  next: T,
): number {
  const { scale, offset } = logProbCoefficients(kernel.std);
  const deviation = space.combine([
    [1, next],
    [-kernel.mean.z, from.z],
    [-kernel.mean.output, from.output],
  ]);
  return scale * space.meanSquare(deviation) + offset;
}
