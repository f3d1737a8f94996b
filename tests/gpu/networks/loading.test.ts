import { expect, it, vi } from 'vitest';
import { denoise } from '../../../src/diffusion/denoise.ts';
import { openSafetensors, writeSafetensors } from '../../../src/formats/safetensors.ts';
import { bytesSource } from '../../../src/lib/bytes.ts';
import { StudioError } from '../../../src/lib/errors.ts';
import type { ModelFolder } from '../../../src/models/folder.ts';
import { type DiffusionModel, loadModel } from '../../../src/models/load.ts';
import { encodeText } from '../../../src/models/text/run.ts';
import { decode } from '../../../src/models/vae/run.ts';
import { tf, type WebGPUBackend } from '../../../src/tensor/tf.ts';
import { onBackends, randoms, relativeError, take } from '../kernels/harness.ts';
import { type Files, loadTiny, memoryFolder, tinyFiles, withHeader } from './tinyModel.ts';

const UNET = 'unet/diffusion_pytorch_model.safetensors';
const VAE = 'vae/diffusion_pytorch_model.safetensors';

/** One number list that depends on every part of the model. */
async function fingerprint(model: DiffusionModel): Promise<Float32Array> {
  const zt = tf.tensor4d(randoms(1, 256), [1, 8, 8, 4]);
  const context = encodeText(model.text, [model.tokenizer.encode('a cat').ids]);
  const output = denoise({ unet: model.unet, adapter: null }, zt, 500, [context]);
  const image = decode(model.vae, output);
  tf.dispose([zt, context, output]);
  return take(image);
}

async function failure(files: Files): Promise<StudioError> {
  const error: unknown = await loadModel(memoryFolder(files), { format: 'f32' }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(StudioError);
  return error as StudioError;
}

/** A weights file, the UNet's unless told otherwise, with its tensors changed. */
async function changedWeights(
  change: (tensors: { name: string; shape: readonly number[]; dtype: 'F32'; data: Float32Array }[]) => void,
  path = UNET,
): Promise<Files> {
  const files = tinyFiles();
  const file = await openSafetensors(bytesSource(files.get(path) as Uint8Array, path));
  const tensors = await Promise.all(
    [...file.entries.values()].map(async ({ name, shape }) => ({
      name,
      shape,
      dtype: 'F32' as const,
      data: await file.readF32(name),
    })),
  );
  change(tensors);
  return files.set(path, writeSafetensors(tensors));
}

/** The same folder, whose every answer takes so long. */
function slowFolder(files: Files, ms: number): ModelFolder {
  const folder = memoryFolder(files);
  return {
    name: folder.name,
    open: async (...paths) => {
      const source = await folder.open(...paths);
      const read: typeof source.read = async (offset, length) => {
        if (paths.some((path) => path.endsWith('.safetensors')))
          await new Promise((resolve) => setTimeout(resolve, ms));
        return source.read(offset, length);
      };
      return { name: source.name, sizeBytes: source.sizeBytes, read };
    },
  };
}

/** Whatever the device is given, it takes so long. */
function slowDevice(ms: number): () => void {
  const { queue } = (tf.backend() as WebGPUBackend).device;
  const waits = vi.spyOn(queue, 'onSubmittedWorkDone').mockImplementation(async () => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return undefined;
  });
  return () => waits.mockRestore();
}

onBackends('a model folder', (name) => {
  it('says whether loading waits for files or for the device', async () => {
    const waits: string[] = [];
    const onProgress = (done: number, total: number, on: string): void => {
      expect(done).toBeLessThanOrEqual(total);
      waits.push(on);
    };
    const slow = await loadModel(slowFolder(tinyFiles(), 8), { format: 'f32', onProgress });
    slow.dispose();
    expect(new Set(waits)).toEqual(new Set(['files']));
    if (name === 'wasm') return;
    waits.length = 0;
    const restore = slowDevice(600);
    const model = await loadModel(memoryFolder(tinyFiles()), { format: 'f32', onProgress }).finally(restore);
    model.dispose();
    expect(waits[0]).toBe('files');
    expect(waits.at(-1)).toBe('device');
  });

  it('loads from float32, float16 and bfloat16 files', async () => {
    const outputs: Float32Array[] = [];
    for (const dtype of ['F32', 'F16', 'BF16'] as const) {
      const model = await loadTiny({ dtype });
      outputs.push(await fingerprint(model));
      model.dispose();
    }
    const [f32, f16, bf16] = outputs as [Float32Array, Float32Array, Float32Array];
    // Rounding of the weights, 2^-11 and 2^-8, grows by less than 20 on the way through three networks.
    expect(relativeError(f16, f32)).toBeLessThan(20 * 2 ** -11);
    expect(relativeError(bf16, f32)).toBeLessThan(20 * 2 ** -8);
    expect(relativeError(f16, f32)).toBeGreaterThan(0);
    expect(relativeError(bf16, f32)).toBeGreaterThan(relativeError(f16, f32));
  });

  it('keeps frozen weights as halves with the numbers of a float16 file', async () => {
    const exact = await loadTiny({ dtype: 'F16' });
    const packed = await loadTiny({ dtype: 'F16' }, 'f16');
    expect(relativeError(await fingerprint(packed), await fingerprint(exact))).toBeLessThan(1e-5);
    for (const model of [exact, packed]) model.dispose();
  });

  it('counts the bytes it reads and leaves nothing behind', async () => {
    const before = tf.memory().numTensors;
    const seen: [number, number][] = [];
    const model = await loadModel(memoryFolder(tinyFiles()), {
      format: 'f32',
      onProgress: (done, total) => seen.push([done, total]),
    });
    const [done, total] = seen.at(-1) as [number, number];
    expect(done / total).toBeGreaterThan(0.8);
    expect(done).toBeLessThanOrEqual(total);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stops loading when asked, and frees what it had', async () => {
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const loading = loadModel(memoryFolder(tinyFiles()), {
      format: 'f32',
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(loading).rejects.toThrow('abort');
    expect(tf.memory().numTensors).toBe(before);
  });
});

onBackends('a wrong model folder', () => {
  it('names tensors that are missing, unknown and of the wrong shape', async () => {
    const error = await failure(
      await changedWeights((tensors) => {
        const named = (name: string) => tensors.find((t) => t.name === name) as (typeof tensors)[number];
        named('conv_in.bias').name = 'conv_in.offset';
        named('conv_out.weight').shape = [8, 4, 3, 3];
      }),
    );
    expect(error.code).toBe('weights-mismatch');
    expect(error.where).toBe(UNET);
    expect(error.message).toContain('1 missing (conv_in.bias)');
    expect(error.message).toContain('1 unknown (conv_in.offset)');
    expect(error.message).toContain('conv_out.weight is [8,4,3,3] instead of [4,8,3,3]');
  });

  it('names a tensor that is there under its old and its new name', async () => {
    const error = await failure(
      await changedWeights((tensors) => {
        const found = tensors.find((t) => t.name === 'encoder.mid_block.attentions.0.to_q.weight');
        tensors.push({
          ...(found as (typeof tensors)[number]),
          name: found?.name.replace('to_q', 'query') ?? '',
        });
      }, VAE),
    );
    expect(error.code).toBe('weights-mismatch');
    expect(error.message).toContain('1 there under two names (encoder.mid_block.attentions.0.');
  });

  it('names a tensor with values that are not numbers, and frees the rest', async () => {
    const before = tf.memory().numTensors;
    const error = await failure(
      await changedWeights((tensors) => {
        for (const { name, data } of tensors)
          if (name === 'time_embedding.linear_1.weight') data[5] = Number.NaN;
      }),
    );
    expect([error.code, error.where]).toEqual(['weights-not-finite', 'time_embedding.linear_1.weight']);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names a missing file', async () => {
    const files = tinyFiles();
    files.delete(VAE);
    const error = await failure(files);
    expect(error.code).toBe('model-file-missing');
    expect(error.message).toContain(VAE);
  });

  it('names a setting it does not implement', async () => {
    const files = tinyFiles();
    const config = new TextDecoder().decode(files.get('unet/config.json'));
    const other = config.replace('{', '{"class_embed_type":"timestep",');
    const error = await failure(files.set('unet/config.json', new TextEncoder().encode(other)));
    expect([error.code, error.where]).toEqual(['config-unsupported', 'unet/config.json']);
    expect(error.message).toContain('"class_embed_type"');
  });

  it('accepts the buffers that old checkpoints carry, and old names of the VAE', async () => {
    const files = tinyFiles();
    const text = 'text_encoder/model.safetensors';
    const file = await openSafetensors(bytesSource(files.get(text) as Uint8Array, text));
    const tensors = await Promise.all(
      [...file.entries.values()].map(async ({ name, shape }) => ({
        name,
        shape,
        dtype: 'F32' as const,
        data: await file.readF32(name),
      })),
    );
    const ids = { dtype: 'I32', shape: [1, 16], data: new Int32Array(16) } as const;
    files.set(text, writeSafetensors([...tensors, { name: 'text_model.embeddings.position_ids', ...ids }]));
    const vae = VAE;
    const old = { to_q: 'query', to_k: 'key', to_v: 'value', 'to_out.0': 'proj_attn' };
    const renamed = withHeader(files.get(vae) as Uint8Array, (header) =>
      Object.entries(old).reduce(
        (text, [now, before]) => text.replaceAll(`.attentions.0.${now}.`, `.attentions.0.${before}.`),
        header,
      ),
    );
    const model = await loadModel(memoryFolder(files.set(vae, renamed)), { format: 'f32' });
    const plain = await loadTiny();
    expect(await fingerprint(model)).toEqual(await fingerprint(plain));
    for (const loaded of [model, plain]) loaded.dispose();
  });
}, ['wasm']);
