/** SiLU, GELU and GEGLU, each one op with one gradient. */
import geluErf from '../../../shaders/common/gelu_erf.wgsl?raw';
import geluQuick from '../../../shaders/common/gelu_quick.wgsl?raw';
import siluCode from '../../../shaders/common/silu.wgsl?raw';
import forwardCode from '../../../shaders/nn/activation.wgsl?raw';
import gradientCode from '../../../shaders/nn/activation_gradient.wgsl?raw';
import gegluCode from '../../../shaders/nn/geglu.wgsl?raw';
import gegluGradientCode from '../../../shaders/nn/geglu_gradient.wgsl?raw';
import { launchElementwise } from '../elementwise.ts';
import { composeGeluGate, composeGeluSlope, type GeluKind } from '../geluParts.ts';
import type { Heap } from '../heap.ts';
import { composeSiluSlope } from '../normParts.ts';
import { sizeOf } from '../sizes.ts';
import type { Tensor, TensorInfo, WebGPUBackend } from '../tf.ts';
import { defineOp, only } from './define.ts';

type ActivationKind = GeluKind | 'silu';

const activationCode = { silu: siluCode, erf: geluErf, quick: geluQuick } as const satisfies Record<
  ActivationKind,
  string
>;

const runSilu = defineOp<'x', Record<never, never>>({
  name: 'StudioSilu',
  composed: (compose, { x }) => compose.mul(x, compose.unary('Sigmoid', x)),
  webgpu: (backend, { x }) => launchActivation(backend, 'silu', x),
  gradient: {
    save: ['x'],
    run: ([dy], [x]) => ({ x: () => only(runSiluGradient({ x: x as Tensor, dy: dy as Tensor }, {})) }),
  },
});

const runSiluGradient = defineOp<'x' | 'dy', Record<never, never>>({
  name: 'StudioSiluGradient',
  composed: (compose, { x, dy }) => compose.mul(dy, composeSiluSlope(compose, x)),
  webgpu: (backend, { x, dy }) => launchActivationGradient(backend, 'silu', x, dy),
});

/** `x sigmoid(x)`, any shape. */
export function silu<T extends Tensor>(x: T): T {
  return only(runSilu({ x }, {})) as T;
}

const runGelu = defineOp<'x', { readonly kind: GeluKind }>({
  name: 'StudioGelu',
  composed: (compose, { x }, { kind }) => compose.mul(x, composeGeluGate(compose, x, kind)),
  webgpu: (backend, { x }, { kind }) => launchActivation(backend, kind, x),
  gradient: {
    save: ['x'],
    run: ([dy], [x], attrs) => ({
      x: () => only(runGeluGradient({ x: x as Tensor, dy: dy as Tensor }, attrs)),
    }),
  },
});

const runGeluGradient = defineOp<'x' | 'dy', { readonly kind: GeluKind }>({
  name: 'StudioGeluGradient',
  composed: (compose, { x, dy }, { kind }) => compose.mul(dy, composeGeluSlope(compose, x, kind)),
  webgpu: (backend, { x, dy }, { kind }) => launchActivationGradient(backend, kind, x, dy),
});

/** `x Phi(x)` with the normal distribution function (`erf`), or `x sigmoid(1.702 x)` (`quick`). Any shape. */
export function gelu<T extends Tensor>(x: T, kind: GeluKind): T {
  return only(runGelu({ x }, { kind })) as T;
}

const runGeglu = defineOp<'x', Record<never, never>>({
  name: 'StudioGeglu',
  wasm: (heap, { x }) => {
    const { value, gated } = halves(heap, x);
    const y = heap.mul(value, heap.mul(gated, composeGeluGate(heap, gated, 'erf')));
    return heap.view(y, [...x.shape.slice(0, -1), value.shape[1] as number]);
  },
  webgpu: (backend, { x }) => {
    const width = (x.shape.at(-1) as number) / 2;
    const over = [...x.shape.slice(0, -1), width];
    return launchElementwise(backend, {
      label: 'geglu',
      code: () => activationCode.erf + gegluCode,
      over,
      width,
      inputs: [x],
      outputs: [over],
    });
  },
  gradient: {
    save: ['x'],
    run: ([dy], [x]) => ({ x: () => only(runGegluGradient({ x: x as Tensor, dy: dy as Tensor }, {})) }),
  },
});

const runGegluGradient = defineOp<'x' | 'dy', Record<never, never>>({
  name: 'StudioGegluGradient',
  wasm: (heap, { x, dy }) => {
    const { value, gated } = halves(heap, x);
    const [rows, width] = value.shape as [number, number];
    const upstream = heap.view(dy, [rows, width]);
    const forValue = heap.mul(upstream, heap.mul(gated, composeGeluGate(heap, gated, 'erf')));
    const forGate = heap.mul(heap.mul(upstream, value), composeGeluSlope(heap, gated, 'erf'));
    const both = heap.run('Concat', [forValue, forGate], { axis: 0 });
    return heap.view(heap.transpose(heap.view(both, [2, rows, width]), [1, 0, 2]), x.shape);
  },
  webgpu: (backend, { x, dy }) =>
    launchElementwise(backend, {
      label: 'geglu_gradient',
      code: () => activationCode.erf + gegluGradientCode,
      over: dy.shape,
      width: dy.shape.at(-1) as number,
      inputs: [x, dy],
      outputs: [x.shape],
    }),
});

/**
 * GEGLU of the transformer feed-forward: first half times GELU of the second half.
 *
 * @param x [..., 2 D]
 * @returns [..., D]
 */
export function geglu<T extends Tensor>(x: T): T {
  return only(runGeglu({ x }, {})) as T;
}

/** The two halves of every row, each [rows, width]: one transposition, after which each is in one piece. */
function halves(heap: Heap, x: TensorInfo): { value: TensorInfo; gated: TensorInfo } {
  const width = (x.shape.at(-1) as number) / 2;
  const rows = sizeOf(x.shape) / (2 * width);
  const byHalf = heap.transpose(heap.view(x, [rows, 2, width]), [1, 0, 2]);
  return {
    value: heap.part(byHalf, 0, [rows, width]),
    gated: heap.part(byHalf, rows * width, [rows, width]),
  };
}

function launchActivation(backend: WebGPUBackend, kind: ActivationKind, x: TensorInfo): TensorInfo[] {
  return launchElementwise(backend, {
    label: `activation/${kind}`,
    code: () => activationCode[kind] + forwardCode,
    over: x.shape,
    inputs: [x],
    outputs: [x.shape],
  });
}

function launchActivationGradient(
  backend: WebGPUBackend,
  kind: ActivationKind,
  x: TensorInfo,
  dy: TensorInfo,
): TensorInfo[] {
  return launchElementwise(backend, {
    label: `activation_gradient/${kind}`,
    code: () => activationCode[kind] + gradientCode,
    over: x.shape,
    inputs: [x, dy],
    outputs: [x.shape],
  });
}
