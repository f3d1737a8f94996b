// Loads the networks that cases name by config and weights.

import { loadParameters } from '../../src/models/loadParameters.ts';
import { recordParameters } from '../../src/models/parameters.ts';
import { parseTextConfig } from '../../src/models/text/config.ts';
import { buildTextEncoder, type TextWeights } from '../../src/models/text/weights.ts';
import { parseUnetConfig } from '../../src/models/unet/config.ts';
import { makeUnet, type Unet } from '../../src/models/unet/run.ts';
import { buildUnet } from '../../src/models/unet/weights.ts';
import { parseVaeConfig } from '../../src/models/vae/config.ts';
import { buildVae, renameOldVaeKey, type VaeWeights } from '../../src/models/vae/weights.ts';
import type { OracleFiles } from './oracle.ts';

type Loaded<T> = { readonly model: T; dispose(): void };
type Files = { readonly config: string; readonly weights: string };

export async function loadUnet(io: OracleFiles, files: Files): Promise<Loaded<Unet>> {
  const config = parseUnetConfig(await io.json(files.config), files.config);
  const specs = recordParameters((p) => buildUnet(config, p));
  const loaded = await loadParameters(await io.safetensors(files.weights), specs, files.weights, {
    format: io.weights,
  });
  return { model: makeUnet(buildUnet(config, loaded.source)), dispose: loaded.dispose };
}

export async function loadVae(io: OracleFiles, files: Files): Promise<Loaded<VaeWeights>> {
  const config = parseVaeConfig(await io.json(files.config), files.config);
  const specs = recordParameters((p) => buildVae(config, p));
  const options = { format: io.weights, rename: renameOldVaeKey };
  const loaded = await loadParameters(await io.safetensors(files.weights), specs, files.weights, options);
  return { model: buildVae(config, loaded.source), dispose: loaded.dispose };
}

export async function loadText(io: OracleFiles, files: Files): Promise<Loaded<TextWeights>> {
  const config = parseTextConfig(await io.json(files.config), files.config);
  const specs = recordParameters((p) => buildTextEncoder(config, p));
  const loaded = await loadParameters(await io.safetensors(files.weights), specs, files.weights, {
    format: io.weights,
  });
  return { model: buildTextEncoder(config, loaded.source), dispose: loaded.dispose };
}
