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
  wasm: (heap, { x }) => {
    const width = (x.shape.at(-1) as number) / 2;
    const y = heap.allocate([...x.shape.slice(0, -1), width]);
    forChunks(heap, x, (inner, chunk) => {
      const { value, gated } = chunk;
      const part = inner.mul(value, inner.mul(gated, composeGeluGate(inner, gated, 'erf')));
      heap.values(y).set(heap.values(part), chunk.firstRow * width);
    });
    return y;
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
    const width = dy.shape.at(-1) as number;
    const dx = heap.allocate(x.shape);
    forChunks(heap, x, (inner, { firstRow, value, gated }) => {
      const upstream = inner.allocate(value.shape);
      const end = firstRow * width + sizeOf(value.shape);
      inner.values(upstream).set(inner.values(dy).subarray(firstRow * width, end));
      const gate = composeGeluGate(inner, gated, 'erf');
      const forValue = inner.mul(upstream, inner.mul(gated, gate));
      const forGate = inner.mul(inner.mul(upstream, value), composeGeluSlope(inner, gated, gate, 'erf'));
      interleave(heap.values(dx), firstRow, width, [heap.values(forValue), heap.values(forGate)]);
    });
    return dx;
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

type Chunk = {
  readonly firstRow: number;
  /** First and second halves of some rows, [rows, width] each. */
  readonly value: TensorInfo;
  readonly gated: TensorInfo;
};

/** Values of a chunk: small enough for its dozen intermediates to stay in the cache. */
const chunkSize = 65_536;

/** Splits rows of x in halves, a few rows at a time. */
function forChunks(heap: Heap, x: TensorInfo, body: (inner: Heap, chunk: Chunk) => void): void {
  const width = (x.shape.at(-1) as number) / 2;
  const rows = sizeOf(x.shape) / (2 * width);
  const step = Math.max(1, Math.floor(chunkSize / width));
  for (let firstRow = 0; firstRow < rows; firstRow += step) {
    heap.within((inner) => {
      const shape = [Math.min(step, rows - firstRow), width];
      const [value, gated] = [inner.allocate(shape), inner.allocate(shape)];
      const from = inner.values(x);
      for (const [half, tensor] of [value, gated].entries()) {
        const to = inner.values(tensor);
        for (let row = 0; row < to.length / width; row++) {
          const start = ((firstRow + row) * 2 + half) * width;
          to.set(from.subarray(start, start + width), row * width);
        }
      }
      body(inner, { firstRow, value, gated });
    });
  }
}

/** The inverse of the split: rows of the two halves, side by side from `firstRow` on. */
function interleave(
  to: Float32Array,
  firstRow: number,
  width: number,
  halves: readonly [Float32Array, Float32Array],
): void {
  for (const [half, from] of halves.entries()) {
    for (let row = 0; row < from.length / width; row++) {
      to.set(from.subarray(row * width, (row + 1) * width), ((firstRow + row) * 2 + half) * width);
    }
  }
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
