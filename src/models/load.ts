import { openSafetensors } from '../formats/safetensors.ts';
import type { WeightFormat } from '../tensor/types.ts';
import { type ModelFolder, readJson, readText, readTextIfThere } from './folder.ts';
import { type LoadedParameters, loadParameters } from './loadParameters.ts';
import { countParameters, type ParameterSpec, recordParameters } from './parameters.ts';
import { parseTextConfig } from './text/config.ts';
import { type ClipTokenizer, makeTokenizer } from './text/tokenizer.ts';
import { buildTextEncoder, type TextWeights } from './text/weights.ts';
import { parseUnetConfig } from './unet/config.ts';
import { makeUnet, type Unet } from './unet/run.ts';
import { buildUnet } from './unet/weights.ts';
import { parseVaeConfig } from './vae/config.ts';
import { buildVae, renameOldVaeKey, type VaeWeights } from './vae/weights.ts';

/** A complete latent diffusion model in memory. */
export type DiffusionModel = {
  readonly name: string;
  readonly unet: Unet;
  readonly vae: VaeWeights;
  readonly text: TextWeights;
  readonly tokenizer: ClipTokenizer;
  /** scheduler/scheduler_config.json, read by `diffusion/`. */
  readonly schedulerConfig: unknown;
  readonly parameters: { readonly unet: number; readonly textEncoder: number; readonly vae: number };
  readonly sizeBytes: number;
  dispose(): void;
};

export type LoadModelOptions = {
  readonly format: WeightFormat;
  /** Bytes read so far and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Loads a diffusers folder: unet, vae, text_encoder, tokenizer and scheduler.
 * @throws StudioError naming the file, setting or tensor that is missing or not supported; nothing stays in memory then
 */
export async function loadModel(folder: ModelFolder, options: LoadModelOptions): Promise<DiffusionModel> {
  const unetConfig = parseUnetConfig(await readJson(folder, 'unet/config.json'));
  const vaeConfig = parseVaeConfig(await readJson(folder, 'vae/config.json'));
  const textConfig = parseTextConfig(await readJson(folder, 'text_encoder/config.json'));
  const schedulerConfig = await readJson(folder, 'scheduler/scheduler_config.json');
  const tokenizer = makeTokenizer(
    {
      vocab: await readText(folder, 'tokenizer/vocab.json'),
      merges: await readText(folder, 'tokenizer/merges.txt'),
      config: await readText(folder, 'tokenizer/tokenizer_config.json'),
      special: await readTextIfThere(folder, 'tokenizer/special_tokens_map.json'),
    },
    textConfig.maxTokens,
  );
  const files = [
    await openPart(folder, 'unet', 'diffusion_pytorch_model', (p) => buildUnet(unetConfig, p)),
    await openPart(folder, 'vae', 'diffusion_pytorch_model', (p) => buildVae(vaeConfig, p)),
    await openPart(folder, 'text_encoder', 'model', (p) => buildTextEncoder(textConfig, p)),
  ];
  const total = files.reduce((sum, f) => sum + f.sizeBytes, 0);
  let done = 0;
  const onBytes = (bytes: number): void => {
    done += bytes;
    options.onProgress?.(done, total);
  };
  const loaded: LoadedParameters[] = [];
  const dispose = (): void => {
    for (const part of loaded) part.dispose();
  };
  try {
    for (const part of files) {
      const { format, signal } = options;
      loaded.push(
        await loadParameters(part.file, part.specs, part.path, {
          format,
          signal,
          onBytes,
          rename: renameOldVaeKey,
        }),
      );
    }
  } catch (error) {
    dispose();
    throw error;
  }
  const [unet, vae, text] = loaded.map((l) => l.source) as [
    LoadedParameters['source'],
    LoadedParameters['source'],
    LoadedParameters['source'],
  ];
  const [unetCount, vaeCount, textCount] = files.map((f) => countParameters(f.specs)) as [
    number,
    number,
    number,
  ];
  return {
    name: folder.name,
    unet: makeUnet(buildUnet(unetConfig, unet)),
    vae: buildVae(vaeConfig, vae),
    text: buildTextEncoder(textConfig, text),
    tokenizer,
    schedulerConfig,
    parameters: { unet: unetCount, vae: vaeCount, textEncoder: textCount },
    sizeBytes: total,
    dispose,
  };
}

type Part = {
  readonly path: string;
  readonly file: Awaited<ReturnType<typeof openSafetensors>>;
  readonly specs: readonly ParameterSpec[];
  readonly sizeBytes: number;
};

async function openPart(
  folder: ModelFolder,
  part: string,
  stem: string,
  build: Parameters<typeof recordParameters>[0],
): Promise<Part> {
  const source = await folder.open(`${part}/${stem}.safetensors`, `${part}/${stem}.fp16.safetensors`);
  return {
    path: `${part}/${source.name.split('/').at(-1)}`,
    file: await openSafetensors(source),
    specs: recordParameters(build),
    sizeBytes: source.sizeBytes,
  };
}
