// How many dispatches one step of a path takes. What they compute is of no interest here, so that pipelines are counted
// and not compiled: on a software adapter that would take minutes.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { denoise, preparePath } from '../../../src/diffusion/denoise.ts';
import type { DiffusionModel } from '../../../src/models/load.ts';
import { type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { countLaunches } from '../../../src/tensor/webgpu/counters.ts';
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
    const { createComputePipeline } = GPUDevice.prototype;
    beforeAll(async () => {
      model = await loadTiny();
      zt = tf.tensor4d(randoms(1, 2 * 8 * 8 * 4), [2, 8, 8, 4]);
      contexts = [2, 3].map((seed) => tf.tensor3d(randoms(seed, 2 * 7 * 16), [2, 7, 16]));
      GPUDevice.prototype.createComputePipeline = function (descriptor) {
        // Those of tfjs take their layout from the text.
        if (descriptor.layout === 'auto') return createComputePipeline.call(this, descriptor);
        const module = this.createShaderModule({ code: EMPTY });
        return createComputePipeline.call(this, { ...descriptor, compute: { module, entryPoint: 'main' } });
      };
    });
    afterAll(() => {
      GPUDevice.prototype.createComputePipeline = createComputePipeline;
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
  },
  ['webgpu'],
  'tiles',
);
