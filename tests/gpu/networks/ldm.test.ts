import { expect, it } from 'vitest';
import { denoise } from '../../../src/diffusion/denoise.ts';
import { openLdmCheckpoint } from '../../../src/formats/ldmCheckpoint.ts';
import type { LdmFamily } from '../../../src/formats/ldmConfigs.ts';
import { openSafetensors, writeSafetensors } from '../../../src/formats/safetensors.ts';
import { type ByteSource, bytesSource, concatBytes } from '../../../src/lib/bytes.ts';
import { type ModelFolder, missingFile } from '../../../src/models/folder.ts';
import { type DiffusionModel, loadModel } from '../../../src/models/load.ts';
import { encodeText } from '../../../src/models/text/run.ts';
import { decode } from '../../../src/models/vae/run.ts';
import { tf } from '../../../src/tensor/tf.ts';
import {
  clipNames,
  type LdmName,
  ldmUnetNames,
  ldmVaeNames,
  openClipNames,
} from '../../helpers/ldmCheckpoint.ts';
import { onBackends, randoms, take } from '../kernels/harness.ts';
import { type Files, memoryFolder, type TinyOptions, tinyFiles } from './tinyModel.ts';

const SHAPE = { levels: 2, layersPerBlock: 1 };

onBackends('a single-file checkpoint', () => {
  it.each([
    ['as SD-2.x names it', { dtype: 'F32', prediction: 'v_prediction' }, 'open-clip'],
    ['in half precision', { dtype: 'F16' }, 'open-clip'],
    [
      'as SD-1.x names it, with convolutions around attention',
      { dtype: 'F32', unet: { use_linear_projection: false } },
      'clip',
    ],
  ] as const)('%s gives the numbers of its folder', async (_, options: TinyOptions, style) => {
    const files = tinyFiles(options);
    const { prediction = 'epsilon' } = options;
    const checkpoint = await openLdmCheckpoint(await toCheckpoint(files, style), {
      families: [familyOf(files)],
      prediction,
    });
    expect(checkpoint).toMatchObject({ prediction, predictionGuessed: false });
    const expected = await outputs(await loadModel(memoryFolder(files), { format: 'f32' }));
    const model = await loadModel(folderOf(checkpoint.files, files), { format: 'f32' });
    expect(model.schedulerConfig).toMatchObject({ prediction_type: prediction });
    // The same bytes through the same operations.
    expect(await outputs(model)).toEqual(expected);
  });
});

it('what a checkpoint predicts is taken from its user, its metadata or its name, in this order', async () => {
  const files = tinyFiles();
  const families = [familyOf(files)];
  const source = await toCheckpoint(files, 'open-clip');
  const withMetadata = await toCheckpoint(files, 'open-clip', { 'modelspec.prediction_type': 'v' });
  const predict = async (from: ByteSource, options: object) => {
    const { prediction, predictionGuessed } = await openLdmCheckpoint(from, { families, ...options });
    return [prediction, predictionGuessed];
  };
  expect(await predict(withMetadata, { name: 'v2-1_512-ema.safetensors', prediction: 'epsilon' })).toEqual([
    'epsilon',
    false,
  ]);
  expect(await predict(withMetadata, { name: 'v2-1_512-ema.safetensors' })).toEqual(['v_prediction', false]);
  expect(await predict(source, { name: 'v2-1_768-ema-pruned.safetensors' })).toEqual(['v_prediction', false]);
  expect(await predict(source, { name: 'v2-1_512-ema-pruned.safetensors' })).toEqual(['epsilon', false]);
  expect(await predict(source, { name: 'my-model.safetensors' })).toEqual(['epsilon', true]);
});

it('other files and other families are refused', async () => {
  const files = tinyFiles();
  const source = await toCheckpoint(files, 'clip');
  const part = files.get('unet/diffusion_pytorch_model.safetensors') as Uint8Array;
  await expect(openLdmCheckpoint(bytesSource(part, 'unet'))).rejects.toMatchObject({
    code: 'checkpoint-unsupported',
  });
  await expect(openLdmCheckpoint(source)).rejects.toMatchObject({
    code: 'checkpoint-unsupported',
    message: expect.stringContaining('width 16'),
  });
});

it('weights of a part are a whole safetensors file, readable in any ranges', async () => {
  const files = tinyFiles();
  const checkpoint = await openLdmCheckpoint(await toCheckpoint(files, 'open-clip'), {
    families: [familyOf(files)],
  });
  const path = 'text_encoder/model.safetensors';
  const view = checkpoint.files.get(path) as ByteSource;
  const whole = await view.read(0, view.sizeBytes);
  const original = await openSafetensors(bytesSource(files.get(path) as Uint8Array, path));
  const copy = await openSafetensors(bytesSource(whole, path));
  expect([...copy.entries.keys()].sort()).toEqual([...original.entries.keys()].sort());
  for (const name of original.entries.keys())
    expect(await copy.readF32(name)).toEqual(await original.readF32(name));
  for (const [offset, length] of [
    [0, 1],
    [5, 400],
    [view.sizeBytes - 3000, 3000],
    [view.sizeBytes, 0],
  ] as const) {
    expect(await view.read(offset, length)).toEqual(whole.subarray(offset, offset + length));
  }
  await expect(view.read(view.sizeBytes - 1, 2)).rejects.toMatchObject({ code: 'bytes-out-of-range' });
});

/** Numbers that depend on every part of a model, which is then disposed. */
async function outputs(model: DiffusionModel): Promise<Float32Array> {
  const zt = tf.tensor4d(randoms(1, 256), [1, 8, 8, 4]);
  const context = encodeText(model.text, [model.tokenizer.encode('a cat').ids]);
  const output = denoise({ unet: model.unet, adapter: null }, zt, 500, [context]);
  const image = decode(model.vae, output);
  tf.dispose([zt, context, output]);
  const values = await take(image);
  model.dispose();
  return values;
}

function familyOf(files: Files): LdmFamily {
  const config = (path: string) => JSON.parse(new TextDecoder().decode(files.get(path)));
  return {
    title: 'Tiny',
    contextWidth: 16,
    unet: config('unet/config.json'),
    vae: config('vae/config.json'),
    text: config('text_encoder/config.json'),
    tokenizer: config('tokenizer/tokenizer_config.json'),
    specialTokens: { pad_token: '!' },
    sampleSize: { epsilon: 8, v_prediction: 8 },
  };
}

/** The checkpoint's files, with the vocabulary of the folder. */
function folderOf(files: ReadonlyMap<string, ByteSource>, tokenizer: Files): ModelFolder {
  return {
    name: 'checkpoint',
    open: async (...paths) => {
      for (const path of paths) {
        const found = files.get(path);
        if (found !== undefined) return found;
        const bytes = /vocab|merges/.test(path) ? tokenizer.get(path) : undefined;
        if (bytes !== undefined) return bytesSource(bytes, path);
      }
      throw missingFile('checkpoint', paths);
    },
  };
}

async function toCheckpoint(
  files: Files,
  style: 'clip' | 'open-clip',
  metadata: Readonly<Record<string, string>> = {},
): Promise<ByteSource> {
  type Tensor = { shape: readonly number[]; dtype: string; bytes: Uint8Array };
  const open = async (path: string): Promise<Map<string, Tensor>> => {
    const file = await openSafetensors(bytesSource(files.get(path) as Uint8Array, path));
    const tensors = new Map<string, Tensor>();
    for (const { name, shape, dtype } of file.entries.values())
      tensors.set(name, { shape, dtype, bytes: await file.readRaw(name) });
    return tensors;
  };
  const unet = await open('unet/diffusion_pytorch_model.safetensors');
  const vae = await open('vae/diffusion_pytorch_model.safetensors');
  const text = await open('text_encoder/model.safetensors');
  const assemble = (names: readonly LdmName[], from: ReadonlyMap<string, Tensor>) =>
    names.map(({ name, from: pieces }) => {
      const tensors = pieces.map((piece) => from.get(piece) as Tensor);
      const [{ shape, dtype } = { shape: [], dtype: '' }] = tensors;
      const [rows = 0, ...rest] = shape;
      const isPoint = /attn_1\.(q|k|v|proj_out)\.weight$/.test(name);
      const bytes = concatBytes(tensors.map((tensor) => tensor.bytes));
      return {
        name,
        shape: [rows * pieces.length, ...rest, ...(isPoint ? [1, 1] : [])],
        ...(dtype === 'F32'
          ? { dtype: 'F32' as const, data: new Float32Array(bytes.buffer) }
          : { dtype: 'F16' as const, data: new Uint16Array(bytes.buffer) }),
      };
    });
  const textNames = style === 'clip' ? clipNames([...text.keys()]) : openClipNames(2);
  const scalar = { shape: [1], dtype: 'F32' as const, data: new Float32Array(1) };
  const beside = ['model_ema.decay', 'alphas_cumprod', 'cond_stage_model.logit_scale'];
  // OpenCLIP has one layer more than is used.
  if (style === 'open-clip') beside.push('cond_stage_model.model.transformer.resblocks.2.ln_1.weight');
  const bytes = writeSafetensors(
    [
      ...assemble(ldmUnetNames([...unet.keys()], SHAPE), unet),
      ...assemble(ldmVaeNames([...vae.keys()], SHAPE), vae),
      ...assemble(textNames, text),
      ...beside.map((name) => ({ name, ...scalar })),
    ],
    metadata,
  );
  return bytesSource(bytes, 'model.safetensors');
}
