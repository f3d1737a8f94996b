import { expect, it } from 'vitest';
import { floatsToHalves, halvesToFloats } from '../../../src/lib/half.ts';
import { conv2d } from '../../../src/tensor/ops/conv2d.ts';
import { linear } from '../../../src/tensor/ops/linear.ts';
import { referenceConv2d, referenceLinear } from '../../../src/tensor/reference/layers.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { kernelOps, variantsOf } from '../../../src/tensor/webgpu/variantState.ts';
import {
  availableVariants,
  kernelVariants,
  measureKernelVariants,
  useKernelVariants,
} from '../../../src/tensor/webgpu/variants.ts';
import { disposeWeight, makeWeight } from '../../../src/tensor/weights.ts';
import { expectGradients, onBackends, randoms, relativeError, take } from './harness.ts';

// The form that runs by default goes through many more sizes in linear.test.ts and conv2d.test.ts.
for (const variant of variantsOf.linear.slice(1)) {
  onBackends(
    `products, ${variant},`,
    () => {
      it.each([
        [3, 72, 36],
        [67, 18, 261],
      ])('multiply %i rows of %i by halves to %i, with gradients', async (rows, inner, columns) => {
        const halves = floatsToHalves(randoms(2, inner * columns));
        const w = halvesToFloats(halves);
        const weight = makeWeight(halves, [inner, columns], 'f16', 'w');
        const values = randoms(1, rows * inner);
        const [x, bias] = [tf.tensor2d(values, [rows, inner]), tf.tensor1d(randoms(3, columns))];
        const added = randoms(4, rows * columns);
        const residual = tf.tensor2d(added, [rows, columns]);
        const expected = referenceLinear(values, w, randoms(3, columns), [rows, inner, columns]).map(
          (y, i) => y + (added[i] as number),
        );
        expect(relativeError(await take(linear(x, weight, bias, residual)), expected)).toBeLessThan(2e-6);
        await expectGradients({
          op: (input) => linear(input as Tensor, weight, null),
          reference: (input) => referenceLinear(input as Float64Array, w, null, [rows, inner, columns]),
          inputs: [{ values, shape: [rows, inner] }],
          tolerance: 1e-5,
        });
        tf.dispose([x, bias, residual]);
        disposeWeight(weight);
      });

      it.each([
        [2, 7, 5, 20, 36, 1],
        [1, 9, 6, 5, 3, 2],
      ] as const)(
        'convolve %i x %ix%ix%i to %i channels, stride %i',
        async (n, h, wide, cin, cout, stride) => {
          const halves = floatsToHalves(randoms(2, 9 * cin * cout));
          const w = halvesToFloats(halves);
          const weight = makeWeight(halves, [3, 3, cin, cout], 'f16', 'w');
          const values = randoms(1, n * h * wide * cin);
          const x = tf.tensor4d(values, [n, h, wide, cin]);
          const sizes = { batch: n, height: h, width: wide, inChannels: cin, outChannels: cout, kernel: 3 };
          const g = { ...sizes, stride, padBefore: 1, padAfter: 1 };
          const bias = tf.tensor1d(randoms(3, cout));
          const expected = referenceConv2d(values, w, randoms(3, cout), g);
          expect(relativeError(await take(conv2d(x, weight, bias, { stride })), expected)).toBeLessThan(2e-6);
          await expectGradients({
            op: (input) => conv2d(input as Tensor4D, weight, null, { stride }),
            reference: (input) => referenceConv2d(input as Float64Array, w, null, g),
            inputs: [{ values, shape: [n, h, wide, cin] }],
            tolerance: 1e-5,
          });
          tf.dispose([x, bias]);
          disposeWeight(weight);
        },
      );

      it('give a row the same bits whatever the batch', async () => {
        const weight = makeWeight(randoms(1, 72 * 36), [72, 36], 'f16', 'w');
        const x = randoms(2, 41 * 72);
        const [all, one] = [tf.tensor2d(x, [41, 72]), tf.tensor2d(x.slice(37 * 72, 38 * 72), [1, 72])];
        const batch = await take(linear(all, weight, null));
        expect(await take(linear(one, weight, null))).toEqual(batch.slice(37 * 36, 38 * 36));
        tf.dispose([all, one]);
        disposeWeight(weight);
      });
    },
    ['webgpu'],
    variant,
  );
}

onBackends('the choice of variants', (backend) => {
  it('is measured, and does not change by measuring', async () => {
    const before = kernelVariants();
    const defaults = Object.fromEntries(kernelOps.map((op) => [op, variantsOf[op][0]]));
    expect(await measureKernelVariants()).toEqual(defaults);
    const measured = await measureKernelVariants({ softwareToo: true, budgetMs: 1 });
    expect(kernelVariants()).toEqual(before);
    for (const op of kernelOps) expect(availableVariants(op)).toContain(measured[op]);
    if (backend === 'wasm') expect(measured).toEqual(defaults);
    useKernelVariants(measured);
    expect(kernelVariants()).toEqual(measured);
    useKernelVariants({});
  });

  it('keeps to what the device has', () => {
    expect(useKernelVariants({ linear: 'registers', conv2d: 'tensor-cores', unheard: 'of' })).toEqual([
      'conv2d',
    ]);
    expect(kernelVariants()).toMatchObject({ linear: 'registers', conv2d: 'registers' });
  });
});
