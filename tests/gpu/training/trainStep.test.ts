import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OptimizerOptions } from '../../../src/contract/spec.ts';
import { type Scalar, type Tensor, tf } from '../../../src/tensor/tf.ts';
import { kernelVariants, useKernelVariants } from '../../../src/tensor/webgpu/variants.ts';
import { disposeOptimizer, type OptimizerState } from '../../../src/training/optimizer.ts';
import {
  type StepResult,
  type TrainContext,
  type TrainState,
  trainStep,
} from '../../../src/training/trainStep.ts';
import { onBackends, relativeError } from '../kernels/harness.ts';
import {
  type Bench,
  batchOf,
  disposeBatch,
  OPTIONS,
  openBench,
  someAdapter,
  trainContext,
  trainState,
  valuesOf,
} from './bench.ts';

/** Share of the gradient in Adam's first moment after one step: 1 - beta1. */
const SHARE = 0.1;

onBackends('a training step', (backend) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(() => bench.dispose());

  const stepOn = async (
    state: TrainState,
    spans: readonly (readonly [number, number])[],
    options: OptimizerOptions,
  ): Promise<StepResult> => {
    const batches = spans.map(([from, to]) => batchOf(bench, from, to));
    try {
      return await trainStep(trainContext(bench), state, batches, options);
    } finally {
      for (const batch of batches) disposeBatch(batch);
    }
  };
  /** The step's gradient as the first moment holds it, after one step from fresh moments. */
  const gradientAfter = async (spans: readonly (readonly [number, number])[], options: OptimizerOptions) => {
    const result = await stepOn(trainState(someAdapter(bench, 'dora')), spans, options);
    const moments = await momentsOf(result.state.optimizer);
    disposeOptimizer(result.state.optimizer);
    return { ...result, gradient: moments.map((m) => m / SHARE) };
  };

  it('accumulates micro-batches to the gradient of one large batch', async () => {
    const large = await gradientAfter([[0, 4]], { ...OPTIONS, batch: 4 });
    const small = await gradientAfter(
      [
        [0, 2],
        [2, 4],
      ],
      { ...OPTIONS, batch: 2, accumulation: 2 },
    );
    expect(relativeError(small.gradient, large.gradient)).toBeLessThan(1e-4);
    expect(small.loss).toBeCloseTo(large.loss, 5);
    expect(small.gradNorm / large.gradNorm).toBeCloseTo(1, 4);
  });

  if (backend === 'webgpu')
    it('reads back once, however many micro-batches it has', async () => {
      const { mapAsync } = GPUBuffer.prototype;
      let reads = 0;
      GPUBuffer.prototype.mapAsync = function (mode, ...range) {
        reads += mode === GPUMapMode.READ ? 1 : 0;
        return mapAsync.call(this, mode, ...range);
      };
      try {
        const spans = [0, 1, 2].map((i) => [i, i + 1] as const);
        const options = { ...OPTIONS, batch: 1, accumulation: 3 };
        const result = await stepOn(trainState(someAdapter(bench, 'dora')), spans, options);
        expect(reads).toBe(1);
        disposeOptimizer(result.state.optimizer);
      } finally {
        GPUBuffer.prototype.mapAsync = mapAsync;
      }
    });

  if (backend === 'webgpu')
    it('has its kernels compiled ahead', async () => {
      const before = kernelVariants();
      // Nobody has used it before on this page, and a software adapter compiles it in seconds.
      const products = 'subgroups';
      useKernelVariants({
        ...before,
        linear: products,
        linear_gradient: products,
        conv2d: products,
        conv2d_gradient: products,
      });
      const late: string[] = [];
      let ahead = 0;
      const { createComputePipeline, createComputePipelineAsync } = GPUDevice.prototype;
      GPUDevice.prototype.createComputePipeline = function (descriptor) {
        // The input of the network, such as the time embedding, is there before.
        if (/^(conv2d|.*gradient)/.test(descriptor.label ?? '')) late.push(descriptor.label as string);
        return createComputePipeline.call(this, descriptor);
      };
      GPUDevice.prototype.createComputePipelineAsync = function (descriptor) {
        if (descriptor.label?.includes(products)) ahead++;
        return createComputePipelineAsync.call(this, descriptor);
      };
      const batch = batchOf(bench, 0, 2);
      try {
        const context: TrainContext = { ...trainContext(bench), mode: 'byStage' };
        const result = await trainStep(context, trainState(someAdapter(bench, 'dora')), [batch], OPTIONS);
        expect(Number.isFinite(result.loss)).toBe(true);
        expect(late).toEqual([]);
        expect(ahead).toBeGreaterThan(3);
        disposeOptimizer(result.state.optimizer);
      } finally {
        Object.assign(GPUDevice.prototype, { createComputePipeline, createComputePipelineAsync });
        useKernelVariants(before);
        disposeBatch(batch);
      }
    });

  it('divides by the accumulation also where a step ends early', async () => {
    const whole = await gradientAfter([[0, 2]], { ...OPTIONS, accumulation: 1 });
    const early = await gradientAfter([[0, 2]], { ...OPTIONS, accumulation: 4 });
    expect(early.gradNorm / whole.gradNorm).toBeCloseTo(1 / 4, 5);
    expect(early.loss).toBeCloseTo(whole.loss, 5);
  });

  it('clips the norm over all parameters, and reports it as it was', async () => {
    const free = await gradientAfter([[0, 2]], OPTIONS);
    const norm = Math.hypot(...free.gradient);
    expect(free.gradNorm / norm).toBeCloseTo(1, 4);
    const clip = norm / 4;
    const clipped = await gradientAfter([[0, 2]], { ...OPTIONS, clip });
    expect(clipped.gradNorm / norm).toBeCloseTo(1, 4);
    expect(Math.hypot(...clipped.gradient) / clip).toBeCloseTo(1, 4);
    const wide = await gradientAfter([[0, 2]], { ...OPTIONS, clip: 4 * norm });
    expect(relativeError(wide.gradient, free.gradient)).toBeLessThan(1e-5);
  });

  it('lowers the loss on its own batch', async () => {
    let state = trainState(someAdapter(bench, 'dora'));
    const losses: number[] = [];
    for (let step = 0; step < 8; step++) {
      const result = await stepOn(state, [[0, 2]], { ...OPTIONS, learningRate: 3e-3 });
      losses.push(result.loss);
      state = result.state;
    }
    disposeOptimizer(state.optimizer);
    expect(losses.at(-1)).toBeLessThan(0.9 * (losses[0] as number));
  });

  it('keeps the number of tensors', async () => {
    let { state } = await stepOn(trainState(someAdapter(bench, 'dora')), [[0, 2]], OPTIONS);
    const before = tf.memory().numTensors;
    ({ state } = await stepOn(
      state,
      [
        [0, 2],
        [2, 3],
      ],
      { ...OPTIONS, clip: 1 },
    ));
    expect(tf.memory().numTensors).toBe(before);
    disposeOptimizer(state.optimizer);
  });

  it('refuses a loss that is not a number and leaves the state as it was', async () => {
    const { state } = await stepOn(trainState(someAdapter(bench, 'dora')), [[0, 2]], OPTIONS);
    const values = await valuesOf(state.adapter);
    const tensors = tf.memory().numTensors;
    const broken = trainContext(bench, {
      loss: ({ prediction }) => tf.mean(tf.log(tf.neg(tf.square(prediction)))) as Scalar,
    });
    const batch = batchOf(bench, 0, 2);
    await expect(trainStep(broken, state, [batch], OPTIONS)).rejects.toMatchObject({
      code: 'loss-not-finite',
      where: 'step 2',
    });
    disposeBatch(batch);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(await valuesOf(state.adapter)).toEqual(values);
    const next = await stepOn(state, [[0, 2]], OPTIONS);
    expect(Number.isFinite(next.loss)).toBe(true);
    expect(next.state.optimizer.step).toBe(2);
    disposeOptimizer(next.state.optimizer);
  });

  it('decays weights and magnitudes before the update', async () => {
    const adapter = someAdapter(bench, 'dora');
    const before = await valuesOf(adapter);
    // A gradient of zero leaves Adam's step at zero, so that only the decay p (1 - lr wd) remains.
    const context = trainContext(bench, {
      loss: ({ prediction }) => tf.mul(tf.sum(prediction), 0) as Scalar,
    });
    const batch = batchOf(bench, 0, 1);
    const options = { ...OPTIONS, learningRate: 0.1, weightDecay: 0.5 };
    const { state } = await trainStep(context, trainState(adapter), [batch], options);
    for (const [name, values] of Object.entries(await valuesOf(state.adapter))) {
      expect(
        relativeError(
          values,
          (before[name] as Float32Array).map((x) => x * 0.95),
        ),
        name,
      ).toBeLessThan(1e-6);
    }
    disposeBatch(batch);
    disposeOptimizer(state.optimizer);
  });
});

async function momentsOf(state: OptimizerState): Promise<number[]> {
  const all: number[] = [];
  for (const m of state.m as readonly Tensor[]) all.push(...(await m.data()));
  return all;
}
