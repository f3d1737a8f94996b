/** Constants and learning rate of the optimizer. */
import type { OptimizerOptions } from '../contract/spec.ts';

/** Adam's constants, PyTorch's defaults, which paper and official script use. */
export const ADAM = { beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** Learning rate of a step counted from 0: linear warm-up that ends at step `warmup`, then constant. */
export function learningRateAt(
  step: number,
  options: Pick<OptimizerOptions, 'learningRate' | 'warmup'>,
): number {
  return options.learningRate * Math.min(1, (step + 1) / Math.max(1, options.warmup));
}
