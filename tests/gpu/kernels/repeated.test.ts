import { expect, it } from 'vitest';
import { submitPending } from '../../../src/tensor/memory.ts';
import { silu } from '../../../src/tensor/ops/activations.ts';
import { linear } from '../../../src/tensor/ops/linear.ts';
import { linearCombination } from '../../../src/tensor/ops/linearCombination.ts';
import { prepareKernels, repeated } from '../../../src/tensor/repeated.ts';
import { type Tensor, type Tensor2D, tf } from '../../../src/tensor/tf.ts';
import { activeMeter } from '../../../src/tensor/webgpu/bufferMeter.ts';
import { disposeWeight, makeWeight } from '../../../src/tensor/weights.ts';
import { onBackends, randoms, take } from './harness.ts';

const [rows, width] = [6, 20];

onBackends('a repeated computation', (backend) => {
  const weight = () => makeWeight(randoms(1, width * width), [width, width], 'f32', 'w');
  const fillings = (x: Tensor, table: Tensor, row: number) => [
    { from: x, first: 0, size: x.size, times: 2 },
    { from: table, first: row * width, size: width, times: 1 },
  ];
  const shapes = [
    [2 * rows, width],
    [1, width],
  ];

  it('gives what it gives when it is computed anew, from the parts it is told', async () => {
    const w = weight();
    const work = ([x, bias]: readonly Tensor[]): Tensor =>
      tf.tidy(() => silu(linear(silu(x as Tensor), w, tf.reshape(bias as Tensor, [-1]))));
    const table = tf.tensor2d(randoms(2, 3 * width), [3, width]);
    const steps = repeated(shapes, work);
    // Not tensors of the step: their buffers must be left alone by it.
    const results: Tensor[] = [];
    for (const i of [0, 1, 2]) {
      const x = tf.tensor2d(randoms(10 + i, rows * width), [rows, width]);
      const got = steps.run(fillings(x, table, i));
      const expected = tf.tidy(() =>
        work([tf.concat([x, x]), tf.slice(table as Tensor2D, [i, 0], [1, width])]),
      );
      results.push(got, expected);
      x.dispose();
    }
    steps.dispose();
    for (let i = 0; i < results.length; i += 2)
      expect(await take(results[i] as Tensor)).toEqual(await take(results[i + 1] as Tensor));
    table.dispose();
    disposeWeight(w);
  });

  it('also works with kernels that cannot be recorded', async () => {
    const steps = repeated([[width]], ([x]) => tf.tidy(() => tf.add(silu(x as Tensor), tf.scalar(1))));
    for (const seed of [3, 4]) {
      const x = tf.tensor1d(randoms(seed, width));
      const got = steps.run([{ from: x, first: 0, size: width, times: 1 }]);
      const expected = tf.tidy(() => tf.add(silu(x), 1));
      expect(await take(got)).toEqual(await take(expected));
      x.dispose();
    }
    steps.dispose();
  });

  if (backend === 'wasm') return;

  it('computes what cannot be recorded once a run, if it was compiled before', async () => {
    let calls = 0;
    const steps = repeated([[width]], ([x]) => {
      calls += 1;
      return tf.tidy(() => tf.add(silu(x as Tensor), silu(x as Tensor)));
    });
    await steps.compile();
    const x = tf.tensor1d(randoms(3, width));
    const got = steps.run([{ from: x, first: 0, size: width, times: 1 }]);
    expect(await take(got)).toEqual(await take(tf.tidy(() => tf.mul(silu(x), 2))));
    expect(calls).toBe(2);
    x.dispose();
    steps.dispose();
  });

  it('makes no buffers and bind groups once it runs, and frees those that it has', async () => {
    const w = weight();
    const table = tf.tensor2d(randoms(2, 3 * width), [3, width]);
    const x = tf.tensor2d(randoms(3, rows * width), [rows, width]);
    const before = activeMeter()?.liveBytes as number;
    const steps = repeated(shapes, ([rowsIn, bias]) =>
      tf.tidy(() =>
        linearCombination([
          [0.5, linear(rowsIn as Tensor, w, tf.reshape(bias as Tensor, [-1]))],
          [2, rowsIn as Tensor],
        ]),
      ),
    );
    for (const i of [0, 1]) await take(steps.run(fillings(x, table, i)));
    const made: string[] = [];
    const { createBindGroup } = GPUDevice.prototype;
    GPUDevice.prototype.createBindGroup = function (descriptor) {
      made.push(descriptor.label ?? '');
      return createBindGroup.call(this, descriptor);
    };
    const count = activeMeter()?.count;
    try {
      for (let i = 0; i < 20; i++) {
        steps.run(fillings(x, table, i % 3)).dispose();
        submitPending();
      }
    } finally {
      GPUDevice.prototype.createBindGroup = createBindGroup;
    }
    expect(made).toEqual([]);
    expect(activeMeter()?.count).toBe(count);
    steps.dispose();
    tf.dispose([x, table]);
    disposeWeight(w);
    expect(activeMeter()?.liveBytes).toBeLessThan(before + 50_000);
  });

  it('is compiled ahead without computing anything', async () => {
    const { createComputePipeline } = GPUDevice.prototype;
    const x = tf.tensor2d(randoms(3, 7 * 12), [7, 12]);
    const w = makeWeight(randoms(1, 12 * 8), [12, 8], 'f16', 'w');
    const work = () => tf.tidy(() => silu(linear(x, w, null, null)));
    await prepareKernels(() => work().dispose());
    const compiled: string[] = [];
    GPUDevice.prototype.createComputePipeline = function (descriptor) {
      compiled.push(descriptor.label ?? '');
      return createComputePipeline.call(this, descriptor);
    };
    try {
      const values = await take(work());
      expect(values.every(Number.isFinite)).toBe(true);
      expect(compiled).toEqual([]);
    } finally {
      GPUDevice.prototype.createComputePipeline = createComputePipeline;
    }
    x.dispose();
    disposeWeight(w);
  });
});
