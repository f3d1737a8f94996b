// The forms of the wasm kernels: which one runs, and what is told of it.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBackend } from '../../../src/tensor/device.ts';
import { linear } from '../../../src/tensor/ops/linear.ts';
import { tf } from '../../../src/tensor/tf.ts';
import {
  firstForms,
  fusesProducts,
  restoreWasmForms,
  setWasmForms,
  wasmFormsInUse,
} from '../../../src/tensor/wasm/forms.ts';
import { disposeWeight, makeWeight, type Weight } from '../../../src/tensor/weights.ts';
import { randoms, take, wasmPaths } from './harness.ts';

const [ROWS, INNER, COLUMNS] = [5, 40, 12] as const;
const x = randoms(1, ROWS * INNER);
const w = randoms(2, INNER * COLUMNS);
let weight: Weight;

beforeAll(async () => {
  await openBackend('wasm', { wasmPaths });
  weight = makeWeight(w, [INNER, COLUMNS], 'f32', 'w');
});
afterAll(() => disposeWeight(weight));

async function product(): Promise<Float32Array> {
  const input = tf.tensor2d(x, [ROWS, INNER]);
  const y = await take(linear(input, weight, null));
  input.dispose();
  return y;
}

/** Sums in the order of the kernel, rounded twice or once in each product. */
function expected(fused: boolean): Float32Array {
  return Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => {
    const [row, column] = [Math.floor(i / COLUMNS), i % COLUMNS];
    let sum = 0;
    for (let k = 0; k < INNER; k++) {
      // In float64 a product of two float32 is exact, and its sum with a third as good as: no case of double rounding here.
      const term = (x[row * INNER + k] as number) * (w[k * COLUMNS + column] as number);
      sum = Math.fround(sum + (fused ? term : Math.fround(term)));
    }
    return sum;
  });
}

const best = { products: 'fused', convolutions: 'winograd-4x4' } as const;

it('is the fused one where the processor has it, and a new run says so', () => {
  expect(fusesProducts()).toBe(true);
  expect(wasmFormsInUse()).toEqual(best);
});

it('rounds once or twice, to the bits of plain loops', async () => {
  expect(await product()).toEqual(expected(true));
  setWasmForms(firstForms);
  expect(await product()).toEqual(expected(false));
  expect(expected(true)).not.toEqual(expected(false));
});

it('of a run that goes on is the one it was begun with', async () => {
  expect(restoreWasmForms({ app: '0.1.0', products: 'fused' })).toEqual([]);
  expect(wasmFormsInUse()).toEqual({ products: 'fused' });
  expect(await product()).toEqual(expected(true));
  // As runs were recorded before there was a choice.
  expect(restoreWasmForms({ app: '0.1.0' })).toEqual([]);
  expect(wasmFormsInUse()).toEqual({});
  expect(await product()).toEqual(expected(false));
  expect(restoreWasmForms(undefined)).toEqual([]);
  expect(wasmFormsInUse()).toEqual(best);
});

it('that this machine does not have is told', async () => {
  const other = 'of another version';
  expect(restoreWasmForms({ products: other, convolutions: 'winograd-4x4' })).toEqual(['products']);
  expect(wasmFormsInUse()).toEqual({ convolutions: 'winograd-4x4' });
  expect(restoreWasmForms({ products: 'fused', convolutions: other })).toEqual(['convolutions']);
  expect(restoreWasmForms({ products: other })).toEqual(['products']);
  expect(await product()).toEqual(expected(false));
});
