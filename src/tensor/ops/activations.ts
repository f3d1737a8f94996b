/** SiLU, GELU and GEGLU, each one op with one gradient. */
import type { Compose } from '../composed/compose.ts';
import { composeGeluGate, composeGeluSlope, type GeluKind } from '../composed/gelu.ts';
import { composeSiluSlope } from '../composed/norm.ts';
import { sizeOf, type Tensor, type TensorInfo, type WebGPUBackend } from '../tf.ts';
import { launchElementwise } from '../webgpu/elementwise.ts';
import type { Shader } from '../webgpu/shader.ts';
import { SHADERS } from '../webgpu/shaders.ts';
import { defineOp, only } from './define.ts';

type ActivationKind = GeluKind | 'silu';

/** Multiply-adds that take as long as the activation of a value on wasm. */
const pointCost = 20;

const activations = {
  silu: SHADERS.silu,
  erf: SHADERS.gelu_erf,
  quick: SHADERS.gelu_quick,
} as const satisfies Record<ActivationKind, Shader>;

const runSilu = defineOp<'x', Record<never, never>>({
  name: 'StudioSilu',
  composed: (compose, { x }) => compose.mul(x, compose.unary('Sigmoid', x)),
  webgpu: (backend, { x }) => launchActivation(backend, 'silu', x),
  wasm: (heap, { x }) => {
    const size = sizeOf(x.shape);
    if (size % 4 !== 0) return null;
    const y = heap.allocate(x.shape);
    const operands = [x, y].map((tensor) => [tensor, 4] as const);
    const sizes = (count: number) => [4 * count];
    heap.callByRows('silu', { rows: size / 4, unit: 4 * pointCost, operands, sizes });
    return y;
  },
  gradient: {
    save: ['x'],
    run: ([dy], [x]) => ({ x: () => only(runSiluGradient({ x: x as Tensor, dy: dy as Tensor }, {})) }),
  },
});

const runSiluGradient = defineOp<'x' | 'dy', Record<never, never>>({
  name: 'StudioSiluGradient',
  composed: (compose, { x, dy }) => compose.mul(dy, composeSiluSlope(compose, x)),
  webgpu: (backend, { x, dy }) => launchActivationGradient(backend, 'silu', x, dy),
  wasm: (heap, { x, dy }) => {
    const size = sizeOf(x.shape);
    if (size % 4 !== 0) return null;
    const dx = heap.allocate(x.shape);
    const operands = [x, dy, dx].map((tensor) => [tensor, 4] as const);
    const sizes = (count: number) => [4 * count];
    heap.callByRows('siluGradient', { rows: size / 4, unit: 4 * pointCost, operands, sizes });
    return dx;
  },
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
  composed: (compose, { x, dy }, { kind }) => {
    const g = composeGeluGate(compose, x, kind);
    return compose.mul(dy, composeGeluSlope(compose, x, g, kind));
  },
  webgpu: (backend, { x, dy }, { kind }) => launchActivationGradient(backend, kind, x, dy),
});

/** `x Phi(x)` with the normal distribution function (`erf`), or `x sigmoid(1.702 x)` (`quick`). Any shape. */
export function gelu<T extends Tensor>(x: T, kind: GeluKind): T {
  return only(runGelu({ x }, { kind })) as T;
}

const runGeglu = defineOp<'x', Record<never, never>>({
  name: 'StudioGeglu',
  composed: (compose, { x }) => {
    const [value, gate] = halves(compose, x);
    const y = compose.mul(value, compose.mul(gate, composeGeluGate(compose, gate, 'erf')));
    return compose.view(y, [...x.shape.slice(0, -1), (x.shape.at(-1) as number) / 2]);
  },
  wasm: (heap, { x }) => {
    const width = (x.shape.at(-1) as number) / 2;
    if (width % 4 !== 0) return null;
    const y = heap.allocate([...x.shape.slice(0, -1), width]);
    heap.callByRows('geglu', {
      rows: sizeOf(y.shape) / width,
      unit: width * pointCost,
      operands: [
        [x, 2 * width],
        [y, width],
      ],
      sizes: (count) => [count, width],
    });
    return y;
  },
  webgpu: (backend, { x }) => {
    const width = (x.shape.at(-1) as number) / 2;
    const over = [...x.shape.slice(0, -1), width];
    return launchElementwise(backend, {
      label: 'geglu',
      pieces: () => [SHADERS.geglu, activations.erf],
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
  composed: (compose, { x, dy }) => {
    const [value, gate] = halves(compose, x);
    const upstream = compose.view(dy, value.shape);
    const gating = composeGeluGate(compose, gate, 'erf');
    const forValue = compose.mul(upstream, compose.mul(gate, gating));
    const slope = composeGeluSlope(compose, gate, gating, 'erf');
    const forGate = compose.mul(compose.mul(upstream, value), slope);
    return compose.view(compose.run('Concat', [forValue, forGate], { axis: 1 }), x.shape);
  },
  wasm: (heap, { x, dy }) => {
    const width = dy.shape.at(-1) as number;
    if (width % 4 !== 0) return null;
    const dx = heap.allocate(x.shape);
    heap.callByRows('gegluGradient', {
      rows: sizeOf(dy.shape) / width,
      unit: width * pointCost,
      operands: [
        [x, 2 * width],
        [dy, width],
        [dx, 2 * width],
      ],
      sizes: (count) => [count, width],
    });
    return dx;
  },
  webgpu: (backend, { x, dy }) =>
    launchElementwise(backend, {
      label: 'geglu_gradient',
      pieces: () => [SHADERS.geglu_gradient, activations.erf],
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

/** First and second half of each row of x, [rows, width] each. */
function halves(compose: Compose, x: TensorInfo): [TensorInfo, TensorInfo] {
  const width = (x.shape.at(-1) as number) / 2;
  const rows = sizeOf(x.shape) / (2 * width);
  const flat = compose.view(x, [rows, 2 * width]);
  return [compose.slice(flat, [0, 0], [rows, width]), compose.slice(flat, [0, width], [rows, width])];
}

function launchActivation(backend: WebGPUBackend, kind: ActivationKind, x: TensorInfo): TensorInfo[] {
  return launchElementwise(backend, {
    label: `activation/${kind}`,
    pieces: () => [SHADERS.activation, activations[kind]],
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
    pieces: () => [SHADERS.activation_gradient, activations[kind]],
    over: x.shape,
    inputs: [x, dy],
    outputs: [x.shape],
  });
}
