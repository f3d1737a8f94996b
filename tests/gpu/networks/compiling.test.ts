import { expect, it } from 'vitest';
import { decodeImages } from '../../../src/procedures/decodeImages.ts';
import { openSession } from '../../../src/procedures/session.ts';
import { onBackends, randoms } from '../kernels/harness.ts';
import { loadTiny } from './tinyModel.ts';

onBackends('pipelines', () => {
  it('are compiled all at once before prompts are encoded and images decoded, none in the middle', async () => {
    const { createComputePipeline, createComputePipelineAsync } = GPUDevice.prototype;
    const late: string[] = [];
    let ahead = 0;
    GPUDevice.prototype.createComputePipeline = function (descriptor) {
      // Those of tfjs are its own affair.
      if (descriptor.layout !== 'auto') late.push(descriptor.label ?? '');
      return createComputePipeline.call(this, descriptor);
    };
    GPUDevice.prototype.createComputePipelineAsync = function (descriptor) {
      ahead++;
      return createComputePipelineAsync.call(this, descriptor);
    };
    const model = await loadTiny();
    try {
      const session = openSession(model);
      await session.contexts.prepare(['a cat', 'a dog']);
      const forText = ahead;
      expect(forText).toBeGreaterThan(2);
      await decodeImages(session, [randoms(1, 8 * 8 * 4)]);
      expect(ahead).toBeGreaterThan(forText);
      expect(late).toEqual([]);
    } finally {
      Object.assign(GPUDevice.prototype, { createComputePipeline, createComputePipelineAsync });
      model.dispose();
    }
  });
}, ['webgpu']);
