/**
 * The loaded model with an adapter in its weights, as a folder in diffusers layout (float16) in a zip. It is written piece
 * by piece to local storage: a model is larger than what a page may hold at once.
 */
import { makeZip } from 'client-zip';
import { adaptedWeight } from '../adapters/effective.ts';
import { frozenWeights } from '../adapters/targets.ts';
import { type LazyTensor, lazyFileBytes, streamSafetensors } from '../formats/safetensorsStream.ts';
import { StudioError } from '../lib/errors.ts';
import { floatsToHalves } from '../lib/half.ts';
import { type ModelFolder, readTextIfThere } from '../models/folder.ts';
import type { PartName } from '../models/shape.ts';
import { startExport } from '../storage/exportFiles.ts';
import { openFile, writePieces } from '../storage/opfs.ts';
import type { OpenedAdapter } from './adapterSources.ts';
import type { RequestContext } from './requestContext.ts';

const PARTS = [
  { part: 'text', component: 'text_encoder', file: 'text_encoder/model.safetensors' },
  { part: 'unet', component: 'unet', file: 'unet/diffusion_pytorch_model.safetensors' },
  { part: 'vae', component: 'vae', file: 'vae/diffusion_pytorch_model.safetensors' },
] as const satisfies readonly { part: PartName; component: string; file: string }[];

/** Small files, as they are in the model's own folder. */
const TEXTS = [
  'unet/config.json',
  'vae/config.json',
  'text_encoder/config.json',
  'scheduler/scheduler_config.json',
  'tokenizer/vocab.json',
  'tokenizer/merges.txt',
  'tokenizer/tokenizer_config.json',
  'tokenizer/special_tokens_map.json',
] as const;

const METADATA = { format: 'pt' };
const HALF_MAX = 65504;

/** @throws StudioError `weights-too-large` where a weight does not fit into float16 */
export async function writeMergedModel(opened: OpenedAdapter, context: RequestContext): Promise<Blob> {
  const { engine, signal, progress } = context;
  const folder = await engine.openModelFolder();
  const files = PARTS.map(({ file, part, component }) => ({
    file,
    tensors: mergedTensors(opened, part, component),
  }));
  const total = files.reduce((sum, { tensors }) => sum + lazyFileBytes(tensors, METADATA), 0);
  const path = await startExport('merged', 'model.zip');
  let done = 0;
  async function* entries() {
    yield { name: 'model_index.json', input: modelIndex(opened) };
    yield* textEntries(folder);
    for (const { file, tensors } of files) {
      const size = BigInt(lazyFileBytes(tensors, METADATA));
      yield { name: file, input: streamSafetensors(tensors, METADATA), size };
    }
  }
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const reader = makeZip(entries()).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      signal.throwIfAborted();
      done += next.value.byteLength;
      progress(Math.min(done, total), total, 'bytes');
      yield next.value;
    }
  }
  await writePieces(path, pieces());
  return (await openFile(path)) as Blob;
}

async function* textEntries(folder: ModelFolder): AsyncGenerator<{ name: string; input: string }> {
  for (const name of TEXTS) {
    const input = await readTextIfThere(folder, name);
    if (input !== undefined) yield { name, input };
  }
}

function mergedTensors(
  { adapter, session: { model } }: OpenedAdapter,
  part: PartName,
  component: string,
): readonly LazyTensor[] {
  const frozen = frozenWeights(model);
  const { specs } = model.parts[part];
  const layers = new Map(adapter.layers.map((layer) => [`${layer.module}.weight`, layer]));
  return specs.map(({ name, shape }): LazyTensor => {
    const layer = layers.get(`${component}.${name}`);
    return {
      name,
      shape,
      dtype: 'F16',
      read: async () => {
        if (layer === undefined) return halvesOf(name, await model.parts[part].storedValues(name));
        return halvesOf(name, Float32Array.from(adaptedWeight(layer, await frozen(layer.module)).data));
      },
    };
  });
}

function halvesOf(name: string, values: Float32Array): Uint16Array {
  if (values.every((x) => Math.abs(x) <= HALF_MAX)) return floatsToHalves(values);
  throw new StudioError('weights-too-large', `${name} has values that do not fit into float16.`, {
    where: name,
    remedy: 'Take the adapter as a file instead of the merged model.',
  });
}

/** Without a safety checker and its feature extractor, which are no part of the model here. */
function modelIndex({ session: { model } }: OpenedAdapter): string {
  const config = model.schedulerConfig as { _class_name?: unknown } | null;
  const scheduler = typeof config?._class_name === 'string' ? config._class_name : 'DDIMScheduler';
  const index = {
    _class_name: 'StableDiffusionPipeline',
    _diffusers_version: '0.27.2',
    feature_extractor: [null, null],
    requires_safety_checker: false,
    safety_checker: [null, null],
    scheduler: ['diffusers', scheduler],
    text_encoder: ['transformers', 'CLIPTextModel'],
    tokenizer: ['transformers', 'CLIPTokenizer'],
    unet: ['diffusers', 'UNet2DConditionModel'],
    vae: ['diffusers', 'AutoencoderKL'],
  };
  return `${JSON.stringify(index, null, 2)}\n`;
}
