/**
 * AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101, Algorithm 2 as PyTorch writes it) and gradient clipping by global
 * norm, without reading anything back: the clip factor stays a tensor.
 */
import { sizeOf, type Tensor, type TensorInfo, tf } from '../tf.ts';
import { bindings, launchElementwise } from '../webgpu/elementwise.ts';
import { f32, launch, u32 } from '../webgpu/launch.ts';
import { constants, type Shader } from '../webgpu/shader.ts';
import { SHADERS } from '../webgpu/shaders.ts';
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

type AdamWState = {
  readonly params: Tensor[];
  readonly m: Tensor[];
  readonly v: Tensor[];
};

type ClipOptions = { readonly maxNorm: number; readonly gradScale: number };

/** Added to the norm before dividing, as PyTorch does. */
const clipEps = 1e-6;

const runAdamW = defineOp<'param' | 'gradient' | 'm' | 'v' | 'factor', AdamWOptions>({
  name: 'StudioAdamW',
  wasm: (heap, inputs, o) => {
    const size = sizeOf(inputs.param.shape);
    const outputs = [inputs.param, inputs.m, inputs.v].map((like) => heap.allocate(like.shape));
    const [param, m, v] = outputs.map((output) => heap.values(output)) as Three;
    const [oldParam, oldM, oldV] = [inputs.param, inputs.m, inputs.v].map((input) =>
      heap.values(input),
    ) as Three;
    const gradient = heap.values(inputs.gradient);
    const factor = heap.values(inputs.factor)[0] as number;
    const { decay, stepSize, rootScale } = stepConstants(o);
    for (let i = 0; i < size; i++) {
      const g = (gradient[i] as number) * factor;
      const nextM = o.beta1 * (oldM[i] as number) + (1 - o.beta1) * g;
      const nextV = o.beta2 * (oldV[i] as number) + (1 - o.beta2) * g * g;
      m[i] = nextM;
      v[i] = nextV;
      param[i] =
        (oldParam[i] as number) * decay - (stepSize * nextM) / (Math.sqrt(nextV) * rootScale + o.eps);
    }
    return outputs;
  },
  webgpu: (backend, { param, gradient, m, v, factor }, o) => {
    const { decay, stepSize, rootScale } = stepConstants(o);
    const uniforms = [o.beta1, 1 - o.beta1, o.beta2, 1 - o.beta2, o.eps, decay, stepSize, rootScale];
    return launchElementwise(backend, {
      label: 'adamw',
      pieces: () => [SHADERS.adamw],
      over: param.shape,
      uniforms: uniforms.map(f32),
      inputs: [param, gradient, m, v, factor],
      outputs: [param.shape, m.shape, v.shape],
    });
  },
});

/** Adds the squares of up to 6 tensors to a scalar. */
const runSquares = defineOp<string, { readonly count: number }>({
  name: 'StudioSumOfSquares',
  wasm: (heap, inputs, { count }) => {
    const total = heap.allocate([]);
    let sum = heap.values(inputs.start as TensorInfo)[0] as number;
    for (let i = 0; i < count; i++) {
      for (const value of heap.values(inputs[gradientName(i)] as TensorInfo)) sum += value * value;
    }
    heap.values(total)[0] = sum;
    return total;
  },
  webgpu: (backend, inputs, { count }) => {
    const gradients = Array.from({ length: count }, (_, i) => inputs[gradientName(i)] as TensorInfo);
    return launch(backend, {
      label: `sum_of_squares/${count}`,
      pieces: () => [SHADERS.sum_of_squares, squaresOf(count), constants({ threads: 256 })],
      outputs: [[]],
      inputs: [inputs.start as TensorInfo, ...gradients],
      uniforms: gradients.map(({ shape }) => u32(sizeOf(shape))),
      groups: [1, 1, 1],
    });
  },
});

type Three = [Float32Array, Float32Array, Float32Array];

function stepConstants(o: AdamWOptions): { decay: number; stepSize: number; rootScale: number } {
  return {
    decay: 1 - o.lr * o.weightDecay,
    stepSize: o.lr / (1 - o.beta1 ** o.step),
    rootScale: 1 / Math.sqrt(1 - o.beta2 ** o.step),
  };
}

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

/** The part of the shader that depends on the number of tensors. */
function squaresOf(count: number): Shader {
  const names = Array.from({ length: count }, (_, i) => gradientName(i));
  const sums = names.map(
    (name) => `  for (var i = local; i < params.size_${name}; i += threads) {
    sum += ${name}[i] * ${name}[i];
  }
`,
  );
  const code = [
    `struct Params {\n${names.map((name) => `  size_${name}: u32,\n`).join('')}}\n`,
    bindings('total', { names: ['start', ...names], element: 'f32' }),
    `fn squares(local: u32) -> f32 {\n  var sum = 0.0;\n${sums.join('')}  return sum;\n}\n`,
  ].join('');
  return { code, needs: ['threads'] };
}
