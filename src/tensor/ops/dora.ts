/**
 * DoRA (Liu et al. 2024, arXiv:2402.09353). The adapted layer is y = (x W + s x A B) m / n + b, with n the column norms of
 * W + s A B treated as constants (section 4.3), so no gradient of the size of W is ever formed.
 */

import { sizeOf, type Tensor, type Tensor1D, type Tensor2D, type TensorInfo } from '../tf.ts';
import type { Heap } from '../wasm/heap.ts';
import { launchElementwise } from '../webgpu/elementwise.ts';
import { f32, launch, u32 } from '../webgpu/launch.ts';
import { quarters, weightOf } from '../webgpu/products.ts';
import { SHADERS } from '../webgpu/shaders.ts';
import type { Weight } from '../weights.ts';
import { defineOp, only } from './define.ts';

type EpilogueAttributes = { readonly scaling: number };

const runEpilogue = defineOp<'base' | 'ab' | 'magnitude' | 'weightNorm' | 'bias', EpilogueAttributes>({
  name: 'StudioDoraEpilogue',
  composed: (compose, { base, ab, magnitude, weightNorm, bias }, { scaling }) => {
    const sum = compose.add(base, compose.mul(ab, compose.scalar(scaling)));
    const y = compose.mul(sum, compose.div(magnitude, weightNorm));
    return bias === undefined ? y : compose.add(y, bias);
  },
  wasm: (heap, { base, ab, magnitude, weightNorm, bias }, { scaling }) => {
    const width = magnitude.shape[0] as number;
    if (width % 4 !== 0) return null;
    const y = heap.allocate(base.shape);
    const [from, update, m, n, to] = addressesOf(heap, [base, ab, magnitude, weightNorm, y] as const);
    const offset = bias === undefined ? 0 : heap.address(bias);
    heap.call('doraEpilogue', [[from, update, m, n, offset, to, sizeOf(y.shape) / width, width, scaling]]);
    return y;
  },
  webgpu: (backend, { base, ab, magnitude, weightNorm, bias }, { scaling }) =>
    launchElementwise(backend, {
      label: `dora_epilogue${bias === undefined ? '' : '/bias'}`,
      pieces: () => [SHADERS.dora_epilogue, bias === undefined ? SHADERS.dora_no_bias : SHADERS.dora_bias],
      over: base.shape,
      width: magnitude.shape[0] as number,
      uniforms: [f32(scaling)],
      inputs: [base, ab, magnitude, weightNorm, ...(bias === undefined ? [] : [bias])],
      outputs: [base.shape],
    }),
  gradient: {
    save: ['base', 'ab', 'magnitude', 'weightNorm'],
    run: ([dy], saved, { scaling }) => {
      const [base, ab, magnitude, weightNorm] = saved as [Tensor, Tensor, Tensor, Tensor];
      const upstream = dy as Tensor;
      const scaled = (factor: number) => (): Tensor =>
        only(runScale({ dy: upstream, magnitude, weightNorm }, { factor }));
      return {
        base: scaled(1),
        ab: scaled(scaling),
        magnitude: () => only(runMagnitudeGradient({ dy: upstream, base, ab, weightNorm }, { scaling })),
      };
    },
  },
});

/** dy m / n times a factor. */
const runScale = defineOp<'dy' | 'magnitude' | 'weightNorm', { readonly factor: number }>({
  name: 'StudioDoraScale',
  composed: (compose, { dy, magnitude, weightNorm }, { factor }) => {
    const ratio = compose.div(magnitude, weightNorm);
    return compose.mul(dy, factor === 1 ? ratio : compose.mul(ratio, compose.scalar(factor)));
  },
  wasm: (heap, { dy, magnitude, weightNorm }, { factor }) => {
    const width = magnitude.shape[0] as number;
    if (width % 4 !== 0) return null;
    const out = heap.allocate(dy.shape);
    const addresses = addressesOf(heap, [dy, magnitude, weightNorm, out]);
    heap.call('doraScale', [[...addresses, sizeOf(dy.shape) / width, width, factor]]);
    return out;
  },
  webgpu: (backend, { dy, magnitude, weightNorm }, { factor }) =>
    launchElementwise(backend, {
      label: 'dora_scale',
      pieces: () => [SHADERS.dora_scale],
      over: dy.shape,
      width: magnitude.shape[0] as number,
      uniforms: [f32(factor)],
      inputs: [dy, magnitude, weightNorm],
      outputs: [dy.shape],
    }),
});

/** Sum over rows of dy (base + s ab) / n. */
const runMagnitudeGradient = defineOp<'dy' | 'base' | 'ab' | 'weightNorm', EpilogueAttributes>({
  name: 'StudioDoraMagnitudeGradient',
  composed: (compose, { dy, base, ab, weightNorm }, { scaling }) => {
    const width = weightNorm.shape[0] as number;
    const rows = sizeOf(dy.shape) / width;
    const sum = compose.add(base, compose.mul(ab, compose.scalar(scaling)));
    const product = compose.view(compose.mul(dy, sum), [rows, width]);
    const total = compose.matMul(compose.filled(1, [1, rows]), product);
    return compose.div(compose.view(total, [width]), weightNorm);
  },
  wasm: (heap, { dy, base, ab, weightNorm }, { scaling }) => {
    const width = weightNorm.shape[0] as number;
    if (width % 4 !== 0) return null;
    const out = heap.allocate([width]);
    const addresses = addressesOf(heap, [dy, base, ab, weightNorm, out]);
    heap.call('doraMagnitudeGradient', [[...addresses, sizeOf(dy.shape) / width, width, scaling]]);
    return out;
  },
  webgpu: (backend, { dy, base, ab, weightNorm }, { scaling }) => {
    const width = weightNorm.shape[0] as number;
    return launch(backend, {
      label: 'dora_magnitude_gradient',
      pieces: () => [SHADERS.dora_magnitude_gradient],
      outputs: [[width]],
      inputs: [dy, base, ab, weightNorm],
      uniforms: [u32(sizeOf(dy.shape) / width), u32(width), f32(scaling)],
      groups: [Math.ceil(width / 8), 1, 1],
    });
  },
});

const runWeightNorm = defineOp<'w' | 'loraA' | 'loraB', EpilogueAttributes & { readonly weight: Weight }>({
  name: 'StudioDoraWeightNorm',
  composed: (compose, { w, loraA, loraB }, { scaling }) => {
    const [inner, columns] = w.shape as [number, number];
    const update = compose.mul(compose.matMul(loraA, loraB), compose.scalar(scaling));
    const adapted = compose.add(w, update);
    const squared = compose.mul(adapted, adapted);
    const sums = compose.matMul(compose.filled(1, [1, inner]), squared);
    return compose.view(compose.unary('Sqrt', sums), [columns]);
  },
  wasm: (heap, { w, loraA, loraB }, { scaling, weight }) => {
    const [inner, columns] = weight.shape as [number, number];
    if (columns % 4 !== 0) return null;
    const out = heap.allocate([columns]);
    const addresses = addressesOf(heap, [w, loraA, loraB, out]);
    heap.call('doraWeightNorm', [[...addresses, inner, columns, loraA.shape[1] as number, scaling]]);
    return out;
  },
  webgpu: (backend, { w, loraA, loraB }, { scaling, weight }) => {
    const [inner, columns] = weight.shape as [number, number];
    const whole = columns % 4 === 0;
    return launch(backend, {
      label: `dora_weight_norm/${weight.packed ? 'f16' : 'f32'}/${whole ? 'vec4' : 'any'}`,
      pieces: () => [
        SHADERS.dora_weight_norm,
        weightOf(weight),
        whole ? SHADERS.dora_columns_vec4 : SHADERS.dora_columns_any,
      ],
      outputs: [[columns]],
      inputs: [w, loraA, loraB],
      uniforms: [inner, columns, quarters(columns), loraA.shape[1] as number].map(u32).concat(f32(scaling)),
      groups: [Math.ceil(columns / 16), 1, 1],
    });
  },
});

function addressesOf<T extends readonly TensorInfo[]>(heap: Heap, tensors: T): { [I in keyof T]: number } {
  return tensors.map((tensor) => heap.address(tensor)) as { [I in keyof T]: number };
}

/**
 * The end of a DoRA layer: `(base + scaling ab) magnitude / weightNorm + bias`. Differentiable in `base`, `ab` and
 * `magnitude`.
 *
 * @param base [..., N] x W without bias
 * @param ab [..., N] x A B
 * @param magnitude [N]
 * @param weightNorm [N] from `doraWeightNorm`, a constant of the step
 * @param bias [N] or null
 */
export function doraEpilogue<T extends Tensor>(
  base: T,
  ab: T,
  magnitude: Tensor1D,
  weightNorm: Tensor1D,
  bias: Tensor | null,
  { scaling = 1 }: { readonly scaling?: number } = {},
): T {
  const inputs = { base, ab, magnitude, weightNorm };
  return only(runEpilogue(bias === null ? inputs : { ...inputs, bias }, { scaling })) as T;
}

/**
 * Euclidean norm of every column (output channel) of W + scaling A B. Has no gradient: call it outside the tape.
 *
 * @param w [in, out]
 * @param loraA [in, r]
 * @param loraB [r, out]
 * @returns [out]
 */
export function doraWeightNorm(w: Weight, loraA: Tensor2D, loraB: Tensor2D, scaling: number): Tensor1D {
  return only(runWeightNorm({ w: w.tensor, loraA, loraB }, { scaling, weight: w })) as Tensor1D;
}
