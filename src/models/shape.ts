import { type ModelFolder, readJson } from './folder.ts';
import { type ParameterSpec, recordParameters } from './parameters.ts';
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

/** @throws StudioError `model-file-missing`, `config-invalid`, `config-unsupported` */
export async function readModelShape(folder: ModelFolder): Promise<ModelShape> {
  return modelShape({
    unet: parseUnetConfig(await readJson(folder, 'unet/config.json')),
    vae: parseVaeConfig(await readJson(folder, 'vae/config.json')),
    text: parseTextConfig(await readJson(folder, 'text_encoder/config.json')),
  });
}

export function modelShape(configs: Pick<ModelShape, PartName>): ModelShape {
  return {
    ...configs,
    specs: {
      unet: recordParameters((p) => buildUnet(configs.unet, p)),
      vae: recordParameters((p) => buildVae(configs.vae, p)),
      text: recordParameters((p) => buildTextEncoder(configs.text, p)),
    },
  };
}

/** Bytes of a part's matrices and tables at a precision; vectors are f32 always and left out. */
export function matrixBytes(specs: readonly ParameterSpec[], bytesEach: 2 | 4): number {
  return specs.reduce(
    (sum, s) => sum + (s.kind === 'vector' ? 0 : bytesEach * s.shape.reduce((a, b) => a * b, 1)),
    0,
  );
}
