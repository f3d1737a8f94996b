/** A UNet as one file in memory, so that another worker can have the same. */
import { openSafetensors, writeSafetensors } from '../formats/safetensors.ts';
import { bytesSource } from '../lib/bytes.ts';
import { checkpointReader } from './checkpointReader.ts';
import type { DiffusionModel } from './load.ts';
import { recordParameters } from './parameters.ts';
import { Part } from './part.ts';
import type { UnetConfig } from './unet/config.ts';
import { makeUnet, type Unet } from './unet/run.ts';
import { buildUnet } from './unet/weights.ts';

export type UnetCopy = { readonly config: UnetConfig; readonly file: Uint8Array<ArrayBuffer> };

/** Reads the UNet's parameters from the model's files. */
export async function copyUnet({ unet, parts }: DiffusionModel): Promise<UnetCopy> {
  const tensors = [];
  for (const { name, shape } of parts.unet.specs) {
    tensors.push({ name, shape, dtype: 'F32' as const, data: await parts.unet.storedValues(name) });
  }
  return { config: unet.weights.config, file: writeSafetensors(tensors) };
}

/** Loads a copy onto the backend, for as long as the backend is there. */
export async function loadUnet({ config, file }: UnetCopy): Promise<Unet> {
  const specs = recordParameters((p) => buildUnet(config, p));
  const reader = checkpointReader(await openSafetensors(bytesSource(file, 'unet')), specs, 'unet');
  const part = await Part.open(reader, specs, { format: 'f32', stays: true });
  await part.load();
  return makeUnet(buildUnet(config, part.source));
}
