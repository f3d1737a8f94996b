/** Adapter files: written as diffusers writes `pytorch_lora_weights.safetensors`, read in all formats of `adapterKeys`. */
import { type AdapterPart, parseAdapterKey, toDiffusersKey } from '../formats/adapterKeys.ts';
import { type SafetensorsFile, writeSafetensors } from '../formats/safetensors.ts';
import { StudioError } from '../lib/errors.ts';
import { type Tensor, type Tensor2D, tf } from '../tensor/tf.ts';
import type { AdaptedLayer, Adapter, Target } from './adapter.ts';
import { alphaOf, loraMetadata } from './metadata.ts';

/** Numbers of an adapter in file layout, free of tensors: down [r, in], up [out, r], magnitude [out]. */
export type AdapterTensor = {
  readonly name: string;
  readonly dtype: 'F32';
  readonly shape: readonly number[];
  readonly data: Float32Array;
};

/** Reads an adapter back from the backend into file layout. A scaling other than 1 is folded into `up`. */
export async function readAdapter(adapter: Adapter): Promise<readonly AdapterTensor[]> {
  const tensors: AdapterTensor[] = [];
  const push = async (name: string, tensor: Tensor): Promise<void> => {
    const data = (await tensor.data()) as Float32Array;
    tensors.push({ name, dtype: 'F32', shape: [...tensor.shape], data: Float32Array.from(data) });
    tensor.dispose();
  };
  for (const layer of adapter.layers) {
    await push(toDiffusersKey(layer.module, 'down'), tf.transpose(layer.loraA));
    const up = tf.tidy(() =>
      tf.transpose(layer.scaling === 1 ? layer.loraB : tf.mul(layer.loraB, layer.scaling)),
    );
    await push(toDiffusersKey(layer.module, 'up'), up);
    if (layer.magnitude !== null)
      await push(toDiffusersKey(layer.module, 'magnitude'), layer.magnitude.clone());
  }
  return tensors;
}

/**
 * The adapter as a file that diffusers loads (`pipe.load_lora_weights`), with the LoraConfig in the header.
 * @param extra further metadata, e.g. the settings that made it
 */
export async function writeAdapter(
  adapter: Adapter,
  extra: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  const tensors = await readAdapter(adapter);
  return writeSafetensors(tensors, { format: 'pt', ...extra, lora_adapter_metadata: loraMetadata(adapter) });
}

/**
 * Loads a LoRA or DoRA made for this model, here or by another tool.
 *
 * @param targets every layer of the model an adapter may sit on
 * @throws StudioError `adapter-invalid` naming the tensor that is unknown, missing or of the wrong shape
 */
export async function loadAdapter(file: SafetensorsFile, targets: readonly Target[]): Promise<Adapter> {
  const byModule = new Map(targets.map((t) => [t.module, t]));
  const modules = new Set(byModule.keys());
  const found = new Map<string, Map<AdapterPart, string>>();
  const unknown: string[] = [];
  let kohya = false;
  for (const key of file.entries.keys()) {
    const parsed = parseAdapterKey(key, modules);
    if (parsed === undefined) {
      unknown.push(key);
      continue;
    }
    kohya ||= parsed.format === 'kohya';
    const parts = found.get(parsed.module) ?? new Map<AdapterPart, string>();
    found.set(parsed.module, parts.set(parsed.part, key));
  }
  if (unknown.length > 0)
    throw invalid(
      file.name,
      `it has ${unknown.length} tensors for layers that this model does not have, such as ${unknown[0]}`,
    );
  if (found.size === 0) throw invalid(file.name, 'it has no adapter tensors');
  const layers: AdaptedLayer[] = [];
  try {
    for (const [module, parts] of found) {
      layers.push(await loadLayer(file, byModule.get(module) as Target, parts, kohya));
    }
  } catch (error) {
    for (const layer of layers) disposeLayer(layer);
    throw error;
  }
  const dora = layers.filter((l) => l.magnitude !== null).length;
  if (dora > 0 && dora < layers.length) {
    for (const layer of layers) disposeLayer(layer);
    throw invalid(
      file.name,
      `only ${dora} of its ${layers.length} layers have a magnitude, so it is neither LoRA nor DoRA`,
    );
  }
  return { kind: dora > 0 ? 'dora' : 'lora', rank: Math.max(...layers.map((l) => l.loraA.shape[1])), layers };
}

async function loadLayer(
  file: SafetensorsFile,
  target: Target,
  parts: ReadonlyMap<AdapterPart, string>,
  kohya: boolean,
): Promise<AdaptedLayer> {
  const [inputs, outputs] = target.layer.w.shape as [number, number];
  const down = parts.get('down');
  const up = parts.get('up');
  if (down === undefined || up === undefined)
    throw invalid(file.name, `${target.module} lacks its down or up matrix`);
  const rank = file.entries.get(down)?.shape[0] ?? 0;
  const a = await readMatrix(file, down, [rank, inputs]);
  const b = await readMatrix(file, up, [outputs, rank]);
  const magnitudeKey = parts.get('magnitude');
  // kohya's dora_scale means output rows only as [out, 1]; [1, in] is LyCORIS' other axis.
  const magnitude =
    magnitudeKey === undefined
      ? null
      : await readMatrix(file, magnitudeKey, kohya ? [outputs, 1] : [outputs]);
  const alphaKey = parts.get('alpha');
  const alpha =
    alphaKey === undefined
      ? alphaOf(file.metadata, target.module, rank)
      : ((await file.readF32(alphaKey))[0] as number);
  if (!Number.isFinite(alpha)) throw invalid(file.name, `alpha of ${target.module} is not a number`);
  const toMemory = (values: Float32Array, shape: [number, number]): Tensor2D =>
    tf.tidy(() => tf.keep(tf.transpose(tf.tensor2d(values, shape))));
  return {
    ...target,
    loraA: toMemory(a, [rank, inputs]),
    loraB: toMemory(b, [outputs, rank]),
    magnitude: magnitude === null ? null : tf.keep(tf.tensor1d(magnitude)),
    scaling: alpha / rank,
  };
}

async function readMatrix(
  file: SafetensorsFile,
  key: string,
  shape: readonly number[],
): Promise<Float32Array> {
  const entry = file.entries.get(key);
  // 1x1 convolutions are stored with two more dimensions of 1.
  const stored = entry?.shape.filter((size, i) => i < shape.length || size !== 1) ?? [];
  if (stored.length !== shape.length || stored.some((size, i) => size !== shape[i])) {
    throw invalid(file.name, `${key} is [${entry?.shape}] instead of [${shape}]`);
  }
  const data = await file.readF32(key);
  if (!data.every(Number.isFinite)) throw invalid(file.name, `${key} contains values that are not numbers`);
  return data;
}

function disposeLayer(layer: { loraA: Tensor; loraB: Tensor; magnitude: Tensor | null }): void {
  layer.loraA.dispose();
  layer.loraB.dispose();
  layer.magnitude?.dispose();
}

function invalid(file: string, problem: string): StudioError {
  return new StudioError(
    'adapter-invalid',
    `The adapter ${file} cannot be used with this model: ${problem}.`,
    {
      where: file,
      remedy: 'Choose an adapter that was made for this model, in diffusers, PEFT or kohya format.',
    },
  );
}
