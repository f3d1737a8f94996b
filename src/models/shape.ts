import type { WeightFormat } from '../contract/backend.ts';
import { PIECE_BYTES } from '../formats/safetensors.ts';
import { CONFIG_LIMITS, unsupported } from './configCheck.ts';
import { type ModelFolder, readJson } from './folder.ts';
import { countParameters, type ParameterSpec, recordParameters } from './parameters.ts';
import { parseTextConfig, type TextConfig } from './text/config.ts';
import { buildTextEncoder } from './text/weights.ts';
import { parseUnetConfig, type UnetConfig } from './unet/config.ts';
import { buildUnet } from './unet/weights.ts';
import { parseVaeConfig, type VaeConfig } from './vae/config.ts';
import { buildVae } from './vae/weights.ts';

export type PartName = 'unet' | 'vae' | 'text';

/** What the configs of a model say, and the parameters that follow from them: known before any weight is read. */
export type ModelShape = {
  readonly unet: UnetConfig;
  readonly vae: VaeConfig;
  readonly text: TextConfig;
  readonly specs: Readonly<Record<PartName, readonly ParameterSpec[]>>;
};

/** @throws StudioError `model-file-missing`, `model-file-large`, `config-invalid`, `config-unsupported` */
export async function readModelShape(folder: ModelFolder): Promise<ModelShape> {
  return modelShape({
    unet: parseUnetConfig(await readJson(folder, 'unet/config.json')),
    vae: parseVaeConfig(await readJson(folder, 'vae/config.json')),
    text: parseTextConfig(await readJson(folder, 'text_encoder/config.json')),
  });
}

/** @throws StudioError `config-unsupported` for networks that no device could hold */
export function modelShape(configs: Pick<ModelShape, PartName>): ModelShape {
  const specs = {
    unet: recordParameters((p) => buildUnet(configs.unet, p)),
    vae: recordParameters((p) => buildVae(configs.vae, p)),
    text: recordParameters((p) => buildTextEncoder(configs.text, p)),
  };
  assertHoldable('unet/config.json', specs.unet);
  assertHoldable('vae/config.json', specs.vae);
  assertHoldable('text_encoder/config.json', specs.text);
  return { ...configs, specs };
}

function assertHoldable(file: string, specs: readonly ParameterSpec[]): void {
  const large = specs.find((spec) => countParameters([spec]) > CONFIG_LIMITS.matrix);
  if (large !== undefined) {
    throw unsupported(file, `${large.name} would be [${large.shape}], more than any GPU binds at once`);
  }
  const count = countParameters(specs);
  if (count > CONFIG_LIMITS.network) {
    throw unsupported(file, `the network would have ${count} parameters, more than any device holds`);
  }
}

/** Bytes of the tables that stay on the CPU while their network is loaded. */
export function tableBytes(specs: readonly ParameterSpec[], format: WeightFormat): number {
  return matrixBytes(
    specs.filter((s) => s.kind === 'table'),
    format === 'f16' ? 2 : 4,
  );
}

/**
 * Most bytes of a model's files in JavaScript memory while its networks are read one after another: a tensor, its copy in
 * the layout of memory and the piece of the file it is read by, beside the tables of a network that is loaded.
 */
export function readingBytes(specs: ModelShape['specs'], format: WeightFormat): number {
  const each = format === 'f16' ? 2 : 4;
  const matrices = Object.values(specs)
    .flat()
    .filter((s) => s.kind !== 'table');
  const largest = Math.max(...matrices.map((s) => each * s.shape.reduce((a, b) => a * b, 1)));
  // The piece as it was read, its aligned copy, and its values as float32 on the way to halves.
  return 2 * largest + tableBytes(specs.text, format) + 4 * PIECE_BYTES;
}

/** Bytes of a part's matrices and tables at a precision; vectors are f32 always and left out. */
export function matrixBytes(specs: readonly ParameterSpec[], bytesEach: 2 | 4): number {
  return specs.reduce(
    (sum, s) => sum + (s.kind === 'vector' ? 0 : bytesEach * s.shape.reduce((a, b) => a * b, 1)),
    0,
  );
}
