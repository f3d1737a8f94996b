/** Settings of the optimizer and its batches. */
export type OptimizerOptions = {
  /** Images per micro-batch; `batch * accumulation` images make one optimizer step. */
  readonly batch: number;
  readonly accumulation: number;
  readonly learningRate: number;
  /** Steps of linear warm-up before the constant rate; 0 for none. */
  readonly warmup: number;
  /** Largest global gradient norm, or null for no clipping. */
  readonly clip: number | null;
  readonly weightDecay: number;
  /** Also step at the end of every pass over the set, as the official script does. */
  readonly flushAtEpochEnd: boolean;
};

/** Adam's constants, PyTorch's defaults, which paper and official script use. */
export const ADAM = { beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** Learning rate of a step counted from 0: linear warm-up that ends at step `warmup`, then constant. */
export function learningRateAt(
  step: number,
  options: Pick<OptimizerOptions, 'learningRate' | 'warmup'>,
): number {
  return options.learningRate * Math.min(1, (step + 1) / Math.max(1, options.warmup));
}
