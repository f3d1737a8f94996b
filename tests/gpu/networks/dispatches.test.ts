// How many dispatches one step of a path takes. What they compute is of no interest here, so that pipelines are counted
// and not compiled: on a software adapter that would take minutes.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { SCHEDULERS } from '../../../src/contract/spec.ts';
import { denoise, preparePath } from '../../../src/diffusion/denoise.ts';
import { guideAndMeasure } from '../../../src/diffusion/guidance.ts';
import { sample, seededNoise } from '../../../src/diffusion/sample.ts';
import type { DiffusionModel } from '../../../src/models/load.ts';
import { openSession, sessionScheduler } from '../../../src/procedures/session.ts';
import { type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { countLaunches } from '../../../src/tensor/webgpu/counters.ts';
import { launchCounters } from '../../../src/tensor/webgpu/encoder.ts';
import { onBackends, randoms } from '../kernels/harness.ts';
import { loadTiny } from './tinyModel.ts';

const EMPTY = '@compute @workgroup_size(1) fn main() {}';

/** Most dispatches of one evaluation of the shapes model's UNet, which has the blocks of the tiny one. */
const MOST = 120;

onBackends(
  'dispatches of a step',
  () => {
    let model: DiffusionModel;
    let zt: Tensor4D;
    let contexts: Tensor3D[];
    const { createComputePipeline, createComputePipelineAsync } = GPUDevice.prototype;
    beforeAll(async () => {
      model = await loadTiny();
      zt = tf.tensor4d(randoms(1, 2 * 8 * 8 * 4), [2, 8, 8, 4]);
      contexts = [2, 3].map((seed) => tf.tensor3d(randoms(seed, 2 * 7 * 16), [2, 7, 16]));
      const emptied = (device: GPUDevice, descriptor: GPUComputePipelineDescriptor) =>
        // Those of tfjs take their layout from the text.
        descriptor.layout === 'auto'
          ? descriptor
          : {
              ...descriptor,
              compute: { module: device.createShaderModule({ code: EMPTY }), entryPoint: 'main' },
            };
      GPUDevice.prototype.createComputePipeline = function (descriptor) {
        return createComputePipeline.call(this, emptied(this, descriptor));
      };
      GPUDevice.prototype.createComputePipelineAsync = function (descriptor) {
        return createComputePipelineAsync.call(this, emptied(this, descriptor));
      };
    });
    afterAll(() => {
      Object.assign(GPUDevice.prototype, { createComputePipeline, createComputePipelineAsync });
      tf.dispose([zt, ...contexts]);
      model.dispose();
    });

    const counted = async (compute: () => Tensor4D): Promise<number> => {
      const { result, count } = await countLaunches(compute);
      result.dispose();
      return count.dispatches;
    };

    it(`are at most ${MOST}, with what is prepared once for the path`, async () => {
      const denoiser = { unet: model.unet, adapter: null };
      const path = preparePath(denoiser, { timesteps: [981, 501, 1], shape: zt.shape }, contexts);
      if (path === null) throw new Error('nothing was prepared');
      const recorded = await counted(() => path.step(zt, 0));
      expect(recorded).toBeLessThanOrEqual(MOST);
      expect(await counted(() => path.step(zt, 1))).toBe(recorded);
      path.dispose();
      expect(await counted(() => denoise(denoiser, zt, 501, contexts))).toBeGreaterThan(recorded);
    });

    // The network’s, one for guidance with the squared difference, and one for the step of the scheduler.
    it.each(SCHEDULERS)('are two beside the network’s, drawing with %s', async (kind) => {
      const denoiser = { unet: model.unet, adapter: null };
      const path = preparePath(denoiser, { timesteps: [981], shape: zt.shape }, contexts);
      const network = await counted(() => path?.step(zt, 0) as Tensor4D);
      path?.dispose();
      const session = openSession(model);
      const noise = seededNoise([1, 2], session.latentShape);
      const scheduler = sessionScheduler(session, kind, 6);
      const combine = guideAndMeasure(4);
      const after: number[] = [];
      const onStep = () => after.push(launchCounters.dispatches);
      const drawn = await sample({ denoiser, scheduler, contexts, noise, combine, onStep });
      drawn.latents.dispose();
      const steps = after.slice(1).map((count, i) => count - (after[i] as number));
      // Euler brings the latents to the size that the network expects.
      const beside = kind === 'euler' ? 3 : 2;
      expect(steps).toEqual(steps.map(() => network + beside));
    });
  },
  ['webgpu'],
  'tiles',
);
