// The self-test that runs on every user's GPU: right kernels pass it, wrong ones are found and no longer used.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendInfo } from '../../../src/contract/backend.ts';
import { chooseKernels, kernelsInUse, restoreKernels, selfTestReport } from '../../../src/engine/kernels.ts';
import { readSetting, writeSetting } from '../../../src/storage/kv.ts';
import { openBackend } from '../../../src/tensor/device.ts';
import { linear } from '../../../src/tensor/ops/linear.ts';
import type { KernelCase } from '../../../src/tensor/selfTest/checks.ts';
import { KERNEL_CASES, testKernels } from '../../../src/tensor/selfTest/testKernels.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { chosenVariant, kernelOps } from '../../../src/tensor/webgpu/variantState.ts';
import { availableVariants, excludeVariants, kernelVariants } from '../../../src/tensor/webgpu/variants.ts';
import { disposeWeight, makeWeight } from '../../../src/tensor/weights.ts';
import { wasmPaths } from './harness.ts';

let info: BackendInfo;
const errors: string[] = [];

beforeAll(async () => {
  const opened = await openBackend('webgpu', { wasmPaths, onLost: (error) => errors.push(error.message) });
  const gpu = { vendor: 'test', architecture: 'test', description: 'test', software: false };
  info = { ...opened, adapter: gpu };
});
afterAll(async () => {
  excludeVariants({});
  await writeSetting('kernels', {});
  expect(errors).toEqual([]);
});

/** A case that is wrong in one form only, as a miscompiled kernel would be. */
const wrongIn = (form: string): KernelCase => ({
  kernel: 'linear',
  op: 'linear',
  run: () => [
    { actual: tf.tensor1d([chosenVariant('linear') === form || form === 'all' ? 1.01 : 1]), expected: [1] },
  ],
});

describe('the self-test', () => {
  it('passes every form of every kernel, and leaves nothing behind', async () => {
    const [tensors, before] = [tf.memory().numTensors, kernelVariants()];
    const tested = KERNEL_CASES.reduce(
      (sum, { op }) => sum + (op === null ? 1 : availableVariants(op).length),
      0,
    );
    expect(await testKernels()).toEqual({ tested, wrongForms: {}, wrongKernels: [] });
    expect(new Set(KERNEL_CASES.flatMap(({ op }) => op ?? []))).toEqual(new Set(kernelOps));
    expect(tf.memory().numTensors).toBe(tensors);
    expect(kernelVariants()).toEqual(before);
  });

  it('finds a form with wrong numbers, and a kernel without a right one', async () => {
    expect(await testKernels([wrongIn('tiles')])).toMatchObject({
      wrongForms: { linear: ['tiles'] },
      wrongKernels: [],
    });
    expect((await testKernels([wrongIn('all')])).wrongKernels).toEqual(['linear']);
    const nan: KernelCase = {
      kernel: 'x',
      op: null,
      run: () => [{ actual: tf.tensor1d([Number.NaN]), expected: [1] }],
    };
    expect((await testKernels([nan])).wrongKernels).toEqual(['x']);
  });

  it('takes a form that the GPU refuses for wrong, not for a lost device', async () => {
    const refused: KernelCase = {
      kernel: 'refused',
      op: null,
      run: () => {
        const weight = makeWeight(new Float32Array(16), [4, 4], 'f32', 'w');
        const y = linear(tf.zeros([2, 4]), weight, null);
        (tf.backend() as unknown as { device: GPUDevice }).device.createShaderModule({ code: 'no shader' });
        disposeWeight(weight);
        return [{ actual: y, expected: new Float32Array(8) }];
      },
    };
    expect((await testKernels([refused])).wrongKernels).toEqual(['refused']);
    expect(errors).toEqual([]);
  });
});

describe('a form that failed', () => {
  it('is not used, which the report says, and is remembered for this GPU', async () => {
    await writeSetting('kernels', {});
    let tests = 0;
    const test = () => {
      tests++;
      return testKernels([wrongIn('registers')]);
    };
    expect(await chooseKernels(info, test)).toEqual([]);
    expect(kernelsInUse(info).linear).toBe('tiles');
    expect(selfTestReport()?.wrong).toEqual(['linear (registers)']);
    expect(await chooseKernels(info, test)).toEqual([]);
    expect(tests).toBe(1);
    expect(kernelsInUse(info).linear).toBe('tiles');
    // A run that was begun with it goes on with another, and is told.
    expect(restoreKernels({ linear: 'registers' })).toEqual(['linear']);
    expect(kernelsInUse(info).linear).toBe('tiles');
    // What was found of other kernels says nothing about these.
    const kept = Object.entries((await readSetting('kernels')) as object);
    const ofOthers = kept.map(([key, value]) => [key.replace(/^[^/]+/, 'other'), value]);
    await writeSetting('kernels', Object.fromEntries(ofOthers));
    await chooseKernels(info, test);
    expect(tests).toBe(2);
  });

  it('in every form makes the GPU useless', async () => {
    await writeSetting('kernels', {});
    expect(await chooseKernels(info, () => testKernels([wrongIn('all')]))).toEqual(['linear']);
  });
});
