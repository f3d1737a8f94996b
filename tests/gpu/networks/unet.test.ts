import { afterAll, beforeAll, expect, it } from 'vitest';
import { denoise } from '../../../src/diffusion/denoise.ts';
import type { DiffusionModel } from '../../../src/models/load.ts';
import { type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { onBackends, randoms, relativeError, take } from '../kernels/harness.ts';
import { loadTiny } from './tinyModel.ts';

/** Three levels: a side of 5 becomes 3 and 2, and has to come back as 3 and 5. */
const THREE_LEVELS = {
  block_out_channels: [8, 8, 16],
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  attention_head_dim: [1, 2, 2],
};

type Input = { readonly zt: Tensor4D; readonly context: Tensor3D };

/** Outputs of the backend that ran first, for the other to agree with. */
const first = new Map<string, Float32Array>();

onBackends('the UNet', () => {
  let model: DiffusionModel;
  beforeAll(async () => {
    model = await loadTiny({ unet: THREE_LEVELS });
  });
  afterAll(() => model.dispose());

  const picked: Input[] = [];
  afterAll(() => tf.dispose(picked));
  /** One row of an input. */
  const pick = ({ zt, context }: Input, row: number): Input => {
    const one = { zt: tf.slice(zt, [row], [1]), context: tf.slice(context, [row], [1]) };
    picked.push(one);
    return one;
  };
  const input = (rows: number, height: number, width: number): Input => ({
    zt: tf.tensor4d(randoms(1, rows * height * width * 4), [rows, height, width, 4]),
    context: tf.tensor3d(randoms(2, rows * 7 * 16), [rows, 7, 16]),
  });
  const predict = async ({ zt, context }: Input, t: number | readonly number[]): Promise<Float32Array> => {
    const output = denoise({ unet: model.unet, adapter: null }, zt, t, [context]);
    expect(output.shape).toEqual(zt.shape);
    return take(output);
  };

  it.each([
    [8, 8],
    [6, 10],
    [5, 7],
    [1, 3],
  ])('keeps a size of %ix%i, the same on both backends', async (height, width) => {
    const asked = input(1, height, width);
    const output = await predict(asked, 981);
    tf.dispose(asked);
    const other = first.get(`${height}x${width}`);
    if (other === undefined) first.set(`${height}x${width}`, output);
    else expect(relativeError(output, other)).toBeLessThan(1e-4);
  });

  it('takes a timestep per sample', async () => {
    const asked = input(2, 8, 8);
    const both = await predict(asked, [1, 981]);
    for (const [row, t] of [1, 981].entries()) {
      const one = await predict(pick(asked, row), t);
      // A common timestep rides on the convolution's bias, so that the order of additions differs.
      expect(relativeError(both.subarray(row * 256, (row + 1) * 256), one)).toBeLessThan(1e-5);
    }
    tf.dispose(asked);
  });

  it('gives a sample the same bits whatever the batch', async () => {
    const asked = input(4, 8, 8);
    const all = await predict(asked, 500);
    for (const row of [0, 3]) {
      expect(await predict(pick(asked, row), 500)).toEqual(all.slice(row * 256, (row + 1) * 256));
    }
    tf.dispose(asked);
  });

  it('stops after a stage and refuses one it does not have', () => {
    const asked = input(1, 8, 8);
    const denoiser = { unet: model.unet, adapter: null };
    const middle = denoise(denoiser, asked.zt, 500, [asked.context], { stopAfter: 'mid_block.resnets.1' });
    expect(middle.shape).toEqual([1, 2, 2, 16]);
    expect(() => denoise(denoiser, asked.zt, 500, [asked.context], { stopAfter: 'mid_block' })).toThrow(
      'mid_block',
    );
    tf.dispose([middle, asked]);
  });
});
