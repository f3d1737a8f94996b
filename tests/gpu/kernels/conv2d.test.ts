import { expect, it } from 'vitest';
import { floatsToHalves, halvesToFloats } from '../../../src/lib/half.ts';
import { type ConvOptions, conv2d } from '../../../src/tensor/ops/conv2d.ts';
import {
  type ReferenceConv,
  referenceConv2d,
  referenceUpsample,
} from '../../../src/tensor/reference/layers.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { disposeWeight, makeWeight } from '../../../src/tensor/weights.ts';
import { expectGradients, onBackends, randoms, relativeError, take } from './harness.ts';

type Case = readonly [
  batch: number,
  height: number,
  width: number,
  cin: number,
  cout: number,
  kernel: number,
];

const cases: { size: Case; options: ConvOptions }[] = [
  { size: [2, 8, 8, 8, 12, 3], options: {} },
  { size: [1, 5, 7, 4, 64, 3], options: { stride: 2 } },
  { size: [3, 6, 9, 12, 4, 3], options: { stride: 2, pad: 'bottomRight' } },
  { size: [2, 7, 6, 8, 8, 3], options: { stride: 2, pad: 'bottomRight' } },
  { size: [2, 4, 4, 16, 8, 1], options: {} },
  { size: [1, 1, 1, 4, 4, 3], options: {} },
  { size: [1, 5, 4, 4, 4, 3], options: { pad: 'none' } },
  { size: [1, 7, 5, 8, 4, 1], options: { stride: 2, pad: 'none' } },
  { size: [2, 5, 6, 3, 5, 3], options: {} },
  { size: [2, 5, 6, 3, 4, 3], options: { stride: 2 } },
  { size: [1, 65, 3, 4, 8, 3], options: {} },
  // Enough channels for Winograd's way on wasm: odd sizes, every padding, more than one group of tiles.
  { size: [3, 9, 15, 16, 20, 3], options: {} },
  { size: [2, 5, 6, 20, 16, 3], options: { pad: 'none' } },
  { size: [1, 4, 7, 16, 16, 3], options: { pad: 'bottomRight' } },
];

const geometry = ([batch, height, width, cin, cout, kernel]: Case, options: ConvOptions): ReferenceConv => {
  const { stride = 1, pad = 'same' } = options;
  const same = (kernel - 1) / 2;
  const padBefore = pad === 'same' ? same : 0;
  const padAfter = pad === 'same' ? same : pad === 'bottomRight' ? 1 : 0;
  return { batch, height, width, inChannels: cin, outChannels: cout, kernel, stride, padBefore, padAfter };
};

const name = ({ size, options }: (typeof cases)[number]): string =>
  `${size.join('x')} stride ${options.stride ?? 1} pad ${options.pad ?? 'same'}`;

onBackends('conv2d', () => {
  for (const current of cases) {
    const { size, options } = current;
    const [batch, height, width, cin, cout, kernel] = size;
    const values = randoms(1, batch * height * width * cin);
    const halves = floatsToHalves(randoms(2, kernel * kernel * cin * cout));
    const w = halvesToFloats(halves);
    const bias = randoms(3, cout);
    const g = geometry(size, options);

    it.each(['f32', 'f16'] as const)(`convolves ${name(current)} on %s weights`, async (format) => {
      const weight = makeWeight(halves, [kernel, kernel, cin, cout], format, 'w');
      const x = tf.tensor4d(values, [batch, height, width, cin]);
      const b = tf.tensor1d(bias);
      const expected = referenceConv2d(values, w, bias, g);
      expect(relativeError(await take(conv2d(x, weight, b, options)), expected)).toBeLessThan(2e-6);
      const plain = referenceConv2d(values, w, null, g);
      expect(relativeError(await take(conv2d(x, weight, null, options)), plain)).toBeLessThan(2e-6);
      tf.dispose([x, b]);
      disposeWeight(weight);
    });

    it.each(['f32', 'f16'] as const)(`has the gradient of ${name(current)} on %s weights`, async (format) => {
      const weight = makeWeight(halves, [kernel, kernel, cin, cout], format, 'w');
      await expectGradients({
        op: (x) => conv2d(x as Tensor4D, weight, null, options),
        reference: (x) => referenceConv2d(x as Float64Array, w, null, g),
        inputs: [{ values, shape: [batch, height, width, cin] }],
        tolerance: 1e-5,
      });
      disposeWeight(weight);
    });
  }

  it.each([
    { from: [4, 5], to: [8, 10], cin: 8, cout: 4 },
    { from: [2, 3], to: [3, 5], cin: 4, cout: 8 },
    { from: [3, 2], to: [6, 4], cin: 5, cout: 3 },
    { from: [2, 3], to: [3, 5], cin: 16, cout: 20 },
  ] as const)('enlarges $from to $to first and adds a tensor after', async ({ from, to, cin, cout }) => {
    const w = randoms(2, 9 * cin * cout);
    const weight = makeWeight(w, [3, 3, cin, cout], 'f32', 'w');
    const size: Case = [2, to[0], to[1], cin, cout, 3];
    const bias = tf.tensor1d(randoms(3, cout));
    const reference = (x: ArrayLike<number>, residual: ArrayLike<number>): Float64Array => {
      const image = referenceUpsample(x, [2, ...from, cin], to);
      return referenceConv2d(image, w, randoms(3, cout), geometry(size, {})).map(
        (y, i) => y + (residual[i] as number),
      );
    };
    const run = (x: Tensor, residual: Tensor): Tensor =>
      conv2d(x as Tensor4D, weight, bias, { upsample: to, residual: residual as Tensor4D });
    const inputs = [
      { values: randoms(1, 2 * from[0] * from[1] * cin), shape: [2, ...from, cin] },
      { values: randoms(4, 2 * to[0] * to[1] * cout), shape: [2, ...to, cout] },
    ] as const;
    const [x, residual] = inputs.map(({ values, shape }) => tf.tensor(values, [...shape])) as [
      Tensor,
      Tensor,
    ];
    const expected = reference(inputs[0].values, inputs[1].values);
    expect(relativeError(await take(run(x, residual)), expected)).toBeLessThan(2e-6);
    await expectGradients({
      op: (a, b) => run(a as Tensor, b as Tensor),
      reference: (a, b) => reference(a as Float64Array, b as Float64Array),
      inputs,
      tolerance: 1e-5,
    });
    tf.dispose([x, residual, bias]);
    disposeWeight(weight);
  });

  it('gives a sample the same bits whatever the batch', async () => {
    const weight = makeWeight(randoms(1, 9 * 32 * 16), [3, 3, 32, 16], 'f32', 'w');
    const bias = tf.tensor1d(randoms(3, 16));
    const size = 5 * 7 * 32;
    const x = randoms(2, 4 * size);
    const all = tf.tensor4d(x, [4, 5, 7, 32]);
    const one = tf.tensor4d(x.slice(2 * size, 3 * size), [1, 5, 7, 32]);
    const batch = await take(conv2d(all, weight, bias));
    const outSize = 5 * 7 * 16;
    expect(await take(conv2d(one, weight, bias))).toEqual(batch.slice(2 * outSize, 3 * outSize));
    const dyValues = randoms(5, 4 * outSize);
    const dyAll = tf.tensor4d(dyValues, [4, 5, 7, 16]);
    const dyOne = tf.tensor4d(dyValues.slice(2 * outSize, 3 * outSize), [1, 5, 7, 16]);
    const gradient = tf.grad((input: Tensor) => conv2d(input as Tensor4D, weight, null));
    const dxAll = await take(gradient(all, dyAll));
    expect(await take(gradient(one, dyOne))).toEqual(dxAll.slice(2 * size, 3 * size));
    tf.dispose([all, one, bias, dyAll, dyOne]);
    disposeWeight(weight);
  });

  it('refuses the wrong number of channels', () => {
    const weight = makeWeight(new Float32Array(9 * 4 * 4), [3, 3, 4, 4], 'f32', 'conv_in.weight');
    const x = tf.zeros([1, 4, 4, 8]) as Tensor4D;
    expect(() => conv2d(x, weight, null)).toThrow('conv_in.weight takes 4 channels, not 8.');
    x.dispose();
    disposeWeight(weight);
  });
});
