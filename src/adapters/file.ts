/** Adapter files to and from tensors: written as diffusers writes them, read in all formats of `adapterKeys`. */

import { LOW_RANK } from '../contract/adapterFiles.ts';
import { type SafetensorsFile, writeSafetensors } from '../formats/safetensors.ts';
import type { WritableTensor } from '../formats/safetensorsLayout.ts';
import { type Tensor, tf } from '../tensor/tf.ts';
import type { Adapter } from './adapter.ts';
import type { FrozenWeights } from './effective.ts';
import { exportDiffusers } from './export/diffusers.ts';
import { readAdapterFile } from './import/readFile.ts';
import { adapterFromPlain, type ImportTarget, shapesOf } from './import/toTensors.ts';
import type { PlainAdapter, PlainLayer } from './plain.ts';

/** Reads a trained adapter back from the backend. */
export async function plainAdapter(adapter: Adapter): Promise<PlainAdapter> {
  const layers: PlainLayer[] = [];
  for (const { module, layer, loraA, loraB, magnitude, scaling, shape } of adapter.layers) {
    const [inputs, outputs] = layer.w.shape as [number, number];
    layers.push({
      module,
      shape: shape ?? [outputs, inputs],
      update: {
        kind: 'lowRank',
        rank: loraA.shape[1],
        down: await read(tf.transpose(loraA)),
        up: await read(tf.transpose(loraB)),
        scaling,
      },
      magnitude:
        magnitude === null
          ? null
          : { axis: 'output', over: 'updated', values: await read(magnitude.clone()) },
    });
  }
  return { layers };
}

async function read(tensor: Tensor): Promise<Float32Array> {
  const values = Float32Array.from((await tensor.data()) as Float32Array);
  tensor.dispose();
  return values;
}

/**
 * A trained adapter as a file that diffusers loads (`pipe.load_lora_weights`), with the LoraConfig in the header.
 * @param notes further metadata, e.g. the settings that made it
 */
export async function writeAdapter(
  adapter: Adapter,
  notes: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  const { tensors, metadata } = await exportDiffusers(await plainAdapter(adapter), {
    frozen: unknownWeights,
    rank: LOW_RANK,
    half: false,
    contextWidth: 0,
    notes,
  });
  const written: WritableTensor[] = [];
  for (const { name, shape, read } of tensors)
    written.push({ name, shape, dtype: 'F32', data: (await read()) as Float32Array });
  return writeSafetensors(written, metadata);
}

/**
 * Loads an adapter made for this model, here or by another tool.
 *
 * @param targets every layer of the model an adapter may sit on
 * @param options `config`: text of peft's adapter_config.json; `frozen`: needed for magnitudes of convolutions and inputs
 * @throws StudioError `adapter-invalid` naming the tensor that is unknown, missing or of the wrong shape
 */
export async function loadAdapter(
  file: SafetensorsFile,
  targets: readonly ImportTarget[],
  options: { readonly config?: string | null; readonly frozen?: FrozenWeights } = {},
): Promise<Adapter> {
  const { adapter } = await readAdapterFile(file, shapesOf(targets), options.config);
  return adapterFromPlain(adapter, targets, options.frozen ?? unknownWeights);
}

/** For what is exact without them. */
const unknownWeights: FrozenWeights = (module) => {
  throw new RangeError(`the frozen weight of ${module} is needed and was not given`);
};
