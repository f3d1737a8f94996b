/**
 * AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101, Algorithm 2 as PyTorch writes it) and gradient clipping by global
 * norm, without reading anything back: the clip factor stays a tensor.
 */
import { type Tensor, type TensorInfo, tf } from '../tf.ts';
import { defineOp, only } from './define.ts';

export type AdamWOptions = {
  /** Number of this step, from 1. */
  readonly step: number;
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
};

export type AdamWState = {
  readonly params: Tensor[];
  readonly m: Tensor[];
  readonly v: Tensor[];
};

export type ClipOptions = { readonly maxNorm: number; readonly gradScale: number };

/** Added to the norm before dividing, as PyTorch does. */
const clipEps = 1e-6;

const runAdamW = defineOp<'param' | 'gradient' | 'm' | 'v' | 'factor', AdamWOptions>({
  name: 'StudioAdamW',
  composed: (compose, inputs, o) => {
    const scale = (x: TensorInfo, factor: number): TensorInfo => compose.mul(x, compose.scalar(factor));
    const gradient = compose.mul(inputs.gradient, inputs.factor);
    const m = compose.add(scale(inputs.m, o.beta1), scale(gradient, 1 - o.beta1));
    const v = compose.add(scale(inputs.v, o.beta2), scale(compose.mul(gradient, gradient), 1 - o.beta2));
    const root = scale(compose.unary('Sqrt', v), 1 / Math.sqrt(1 - o.beta2 ** o.step));
    const update = compose.div(m, compose.add(root, compose.scalar(o.eps)));
    const decayed = scale(inputs.param, 1 - o.lr * o.weightDecay);
    const param = compose.sub(decayed, scale(update, o.lr / (1 - o.beta1 ** o.step)));
    return [param, m, v];
  },
});

/** Adds the squares of up to 6 tensors to a scalar. */
const runSquares = defineOp<string, { readonly count: number }>({
  name: 'StudioSumOfSquares',
  composed: (compose, inputs, { count }) => {
    let total = inputs.start as TensorInfo;
    for (let i = 0; i < count; i++) {
      const x = inputs[gradientName(i)] as TensorInfo;
      const row = compose.view(compose.mul(x, x), [1, x.shape.reduce((a, b) => a * b, 1)]);
      total = compose.add(total, compose.view(compose.sumLast(row), []));
    }
    return total;
  },
});

const gradientName = (i: number): string => `g${i}`;
const gradientsPerDispatch = 6;

/** From the norm of the raw gradients to the factor that averages and clips them. */
const runClipFactor = defineOp<'norm', ClipOptions>({
  name: 'StudioClipFactor',
  composed: (compose, { norm }, { maxNorm, gradScale }) => {
    const padded = compose.add(compose.mul(norm, compose.scalar(gradScale)), compose.scalar(clipEps));
    const ratio = compose.div(compose.scalar(maxNorm), padded);
    const limited = compose.run('Minimum', { a: ratio, b: compose.scalar(1) });
    return compose.mul(limited, compose.scalar(gradScale));
  },
});

/**
 * One AdamW step for every parameter. Returns new tensors and disposes nothing: the caller frees the old ones.
 *
 * @param factor scalar tensor that every gradient is multiplied by, from `clipFactor`
 */
export function adamWStep(
  params: readonly Tensor[],
  grads: readonly Tensor[],
  m: readonly Tensor[],
  v: readonly Tensor[],
  { factor, ...options }: AdamWOptions & { readonly factor: Tensor },
): AdamWState {
  const next: AdamWState = { params: [], m: [], v: [] };
  for (const [i, param] of params.entries()) {
    const inputs = { param, gradient: grads[i] as Tensor, m: m[i] as Tensor, v: v[i] as Tensor, factor };
    const [newParam, newM, newV] = runAdamW(inputs, options) as [Tensor, Tensor, Tensor];
    next.params.push(newParam);
    next.m.push(newM);
    next.v.push(newV);
  }
  return next;
}

/** Euclidean norm of all gradients together, as a scalar tensor. */
export function globalGradNorm(grads: readonly Tensor[]): Tensor {
  return tf.tidy(() => {
    let squares: Tensor = tf.scalar(0);
    for (let from = 0; from < grads.length; from += gradientsPerDispatch) {
      const group = grads.slice(from, from + gradientsPerDispatch);
      const inputs = Object.fromEntries(group.map((gradient, i) => [gradientName(i), gradient]));
      squares = only(runSquares({ start: squares, ...inputs }, { count: group.length }));
    }
    return tf.sqrt(squares);
  });
}

/**
 * `gradScale min(1, maxNorm / (gradScale norm + 1e-6))`, PyTorch's `clip_grad_norm_` for gradients that still have to be
 * multiplied by `gradScale` (one over the number of accumulated steps).
 *
 * @param norm scalar from `globalGradNorm`
 * @returns scalar for `adamWStep`
 */
export function clipFactor(norm: Tensor, options: ClipOptions): Tensor {
  const { maxNorm, gradScale } = options;
  return only(runClipFactor({ norm }, { maxNorm, gradScale }));
}
