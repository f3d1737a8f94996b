import type { OptimizerOptions } from '../contract/spec.ts';
import { adamWStep, clipFactor, globalGradNorm } from '../tensor/ops/adamW.ts';
import { type Scalar, type Tensor, tf } from '../tensor/tf.ts';

/** Adam's constants, PyTorch's defaults, which paper and official script use. */
const ADAM = { beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** Parameters with Adam's first and second moments; `step` updates were made. Owns its tensors. */
export type OptimizerState = {
  readonly params: readonly Tensor[];
  readonly m: readonly Tensor[];
  readonly v: readonly Tensor[];
  readonly step: number;
};

/** Zero moments for `params`, which the state takes over. */
export function startOptimizer(params: readonly Tensor[]): OptimizerState {
  const zeros = (): Tensor[] => params.map((p) => tf.keep(tf.zerosLike(p)));
  return { params, m: zeros(), v: zeros(), step: 0 };
}

export function disposeOptimizer(state: OptimizerState): void {
  for (const tensor of [...state.params, ...state.m, ...state.v]) tensor.dispose();
}

/**
 * One AdamW update (decay first, bias-corrected, eps outside the root) with the summed gradients of the micro-batches.
 *
 * The gradient is scaled by 1 / accumulation and clipped by its global norm over all parameters together. All on the
 * backend: neither norm nor factor is read back.
 *
 * @param sums gradients summed over the step's micro-batches, in the order of the parameters
 * @param rates where parameters have learning rates of their own: each one's share of the step's rate
 * @returns the new state and the norm before clipping; `state` is left as it is
 */
export function updateStep(
  state: OptimizerState,
  sums: readonly Tensor[],
  options: OptimizerOptions,
  rates: readonly number[] = [],
): { readonly next: OptimizerState; readonly gradNorm: Scalar } {
  const gradScale = 1 / options.accumulation;
  const rawNorm = globalGradNorm(sums);
  const factor =
    options.clip === null ? tf.scalar(gradScale) : clipFactor(rawNorm, { maxNorm: options.clip, gradScale });
  const lr = learningRateAt(state.step, options);
  const each = state.params.map((_, i) => {
    const one = (list: readonly Tensor[]): Tensor[] => [list[i] as Tensor];
    return adamWStep(one(state.params), one(sums), one(state.m), one(state.v), {
      ...ADAM,
      factor,
      step: state.step + 1,
      lr: lr * (rates[i] ?? 1),
      weightDecay: options.weightDecay,
    });
  });
  const updated = {
    params: each.flatMap(({ params }) => params),
    m: each.flatMap(({ m }) => m),
    v: each.flatMap(({ v }) => v),
  };
  factor.dispose();
  const gradNorm = tf.mul(rawNorm, gradScale) as Scalar;
  rawNorm.dispose();
  for (const tensor of [...updated.params, ...updated.m, ...updated.v]) tf.keep(tensor);
  return { next: { ...updated, step: state.step + 1 }, gradNorm };
}

/** Learning rate of a step counted from 0: linear warm-up that ends at step `warmup`, then constant. */
export function learningRateAt(
  step: number,
  options: Pick<OptimizerOptions, 'learningRate' | 'warmup'>,
): number {
  return options.learningRate * Math.min(1, (step + 1) / Math.max(1, options.warmup));
}
