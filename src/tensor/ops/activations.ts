/** SiLU, GELU and GEGLU, each one op with one gradient. */
import { type Compose, sizeOf } from '../compose.ts';
import { composeGeluGate, composeGeluSlope, type GeluKind } from '../geluParts.ts';
import type { Tensor, TensorInfo } from '../tf.ts';
import { defineOp, only } from './define.ts';

const runSilu = defineOp<'x', Record<never, never>>({
  name: 'StudioSilu',
  composed: (compose, { x }) => compose.mul(x, compose.unary('Sigmoid', x)),
  gradient: {
    save: ['x'],
    run: ([dy], [x]) => ({ x: () => only(runSiluGradient({ x: x as Tensor, dy: dy as Tensor }, {})) }),
  },
});

const runSiluGradient = defineOp<'x' | 'dy', Record<never, never>>({
  name: 'StudioSiluGradient',
  composed: (compose, { x, dy }) => {
    const s = compose.unary('Sigmoid', x);
    const tail = compose.mul(x, compose.sub(compose.scalar(1), s));
    return compose.mul(compose.mul(dy, s), compose.add(tail, compose.scalar(1)));
  },
});

/** `x sigmoid(x)`, any shape. */
export function silu<T extends Tensor>(x: T): T {
  return only(runSilu({ x }, {})) as T;
}

const runGelu = defineOp<'x', { readonly kind: GeluKind }>({
  name: 'StudioGelu',
  composed: (compose, { x }, { kind }) => compose.mul(x, composeGeluGate(compose, x, kind)),
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
});

/** `x Phi(x)` with the normal distribution function (`erf`), or `x sigmoid(1.702 x)` (`quick`). Any shape. */
export function gelu<T extends Tensor>(x: T, kind: GeluKind): T {
  return only(runGelu({ x }, { kind })) as T;
}

const runGeglu = defineOp<'x', Record<never, never>>({
  name: 'StudioGeglu',
  composed: (compose, { x }) => {
    const { value, gated } = halves(compose, x);
    return compose.mul(value, compose.mul(gated, composeGeluGate(compose, gated, 'erf')));
  },
  gradient: {
    save: ['x'],
    run: ([dy], [x]) => ({ x: () => only(runGegluGradient({ x: x as Tensor, dy: dy as Tensor }, {})) }),
  },
});

const runGegluGradient = defineOp<'x' | 'dy', Record<never, never>>({
  name: 'StudioGegluGradient',
  composed: (compose, { x, dy }) => {
    const { value, gated } = halves(compose, x);
    const forValue = compose.mul(dy, compose.mul(gated, composeGeluGate(compose, gated, 'erf')));
    const forGate = compose.mul(compose.mul(dy, value), composeGeluSlope(compose, gated, 'erf'));
    const axis = x.shape.length - 1;
    return compose.run('Concat', [forValue, forGate], { axis });
  },
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

function halves(compose: Compose, x: TensorInfo): { value: TensorInfo; gated: TensorInfo } {
  const width = (x.shape.at(-1) as number) / 2;
  const rows = sizeOf(x.shape) / (2 * width);
  const flat = compose.view(x, [rows, 2 * width]);
  const shape = [...x.shape.slice(0, -1), width];
  return {
    value: compose.view(compose.slice(flat, [0, 0], [rows, width]), shape),
    gated: compose.view(compose.slice(flat, [0, width], [rows, width]), shape),
  };
}
