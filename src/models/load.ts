import type { WeightFormat } from '../contract/backend.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import { trimPool } from '../tensor/memory.ts';
import { checkpointReader, type ParameterReader } from './checkpointReader.ts';
import { type ModelFolder, readJson, readText, readTextIfThere } from './folder.ts';
import { countParameters, type ParameterSpec } from './parameters.ts';
import { Part, type ReadOptions, type Waited } from './part.ts';
import { type ModelShape, type PartName, readModelShape } from './shape.ts';
import { type ClipTokenizer, makeTokenizer } from './text/tokenizer.ts';
import { buildTextEncoder, type TextWeights } from './text/weights.ts';
import { makeUnet, type Unet } from './unet/run.ts';
import { buildUnet } from './unet/weights.ts';
import { buildVae, renameOldVaeKey, type VaeWeights } from './vae/weights.ts';

/** A complete latent diffusion model. Its networks are on the device while their part is held. */
export type DiffusionModel = {
  readonly name: string;
  readonly unet: Unet;
  readonly vae: VaeWeights;
  readonly text: TextWeights;
  readonly parts: Readonly<Record<PartName, Part>>;
  readonly tokenizer: ClipTokenizer;
  /** scheduler/scheduler_config.json, read by `diffusion/`. */
  readonly schedulerConfig: unknown;
  readonly parameters: { readonly unet: number; readonly textEncoder: number; readonly vae: number };
  readonly sizeBytes: number;
  dispose(): void;
};

/** `resident`: all networks are loaded and stay. `byPhase`: only the UNet stays, the others come when they are held. */
type PartPolicy = 'resident' | 'byPhase';

type LoadModelOptions = {
  readonly format: WeightFormat;
  /** Default `resident`. */
  readonly parts?: PartPolicy | undefined;
  /** With `byPhase`: runs with the text encoder loaded, which leaves before the UNet comes. */
  readonly textPhase?: ((model: DiffusionModel) => Promise<void>) | undefined;
  /** Bytes read so far and in all, and what most of the last time was spent on. */
  readonly onProgress?: ((done: number, total: number, on: keyof Waited) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Order in which the parts of a resident model are read. */
const PARTS = ['unet', 'vae', 'text'] as const satisfies readonly PartName[];

const FILES = {
  unet: ['unet', 'diffusion_pytorch_model'],
  vae: ['vae', 'diffusion_pytorch_model'],
  text: ['text_encoder', 'model'],
} as const satisfies Record<PartName, readonly [folder: string, stem: string]>;

/**
 * Loads a diffusers folder: unet, vae, text_encoder, tokenizer and scheduler.
 * @throws StudioError naming the file, setting or tensor that is missing or not supported; nothing stays in memory then
 */
export async function loadModel(folder: ModelFolder, options: LoadModelOptions): Promise<DiffusionModel> {
  const { parts = 'resident', textPhase, signal } = options;
  const shape = await readModelShape(folder);
  const schedulerConfig = await readJson(folder, 'scheduler/scheduler_config.json');
  const tokenizer = await readTokenizer(folder, shape);
  const files = {
    unet: await openPart(folder, 'unet', shape.specs.unet),
    vae: await openPart(folder, 'vae', shape.specs.vae),
    text: await openPart(folder, 'text', shape.specs.text),
  };
  const read = PARTS.filter(
    (name) => parts === 'resident' || name === 'unet' || (name === 'text' && textPhase),
  );
  const total = read.reduce((sum, name) => sum + files[name].sizeBytes, 0);
  let done = 0;
  const waitsFor = slowest();
  const onBytes: ReadOptions['onBytes'] = (bytes, waited) => {
    done += bytes;
    options.onProgress?.(Math.min(done, total), total, waitsFor(waited));
  };
  const model = await assembleModel(shape, files, {
    name: folder.name,
    tokenizer,
    schedulerConfig,
    format: options.format,
    parts,
    onBytes,
    signal,
  });
  try {
    if (parts === 'resident') {
      for (const name of PARTS) await model.parts[name].load({ onBytes, signal });
    } else {
      if (textPhase !== undefined) {
        const release = await model.parts.text.hold({ onBytes, signal });
        await textPhase(model).finally(release);
        trimPool();
      }
      await model.parts.unet.load({ onBytes, signal });
    }
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}

/** So long what is said to be waited for stays the same at least: words that flicker cannot be read. */
const SAID_MS = 500;

/** Tells what the last while was spent on most. */
function slowest(): (waited: Waited) => keyof Waited {
  let on: keyof Waited = 'files';
  let sum = { files: 0, device: 0 };
  return ({ files, device }) => {
    sum = { files: sum.files + files, device: sum.device + device };
    if (sum.files + sum.device >= SAID_MS) {
      on = sum.device > sum.files ? 'device' : 'files';
      sum = { files: 0, device: 0 };
    }
    return on;
  };
}

type PartFile = { readonly reader: ParameterReader; readonly sizeBytes: number };

/** A model of readers, with none of its matrices loaded. */
export async function assembleModel(
  shape: ModelShape,
  files: Readonly<Record<PartName, PartFile>>,
  options: Pick<DiffusionModel, 'name' | 'tokenizer' | 'schedulerConfig'> & {
    readonly format: WeightFormat;
    readonly parts: PartPolicy;
  } & ReadOptions,
): Promise<DiffusionModel> {
  const { name, tokenizer, schedulerConfig, format, onBytes, signal } = options;
  const opened: Part[] = [];
  const open = async (part: PartName): Promise<Part> => {
    const stays = options.parts === 'resident' || part === 'unet';
    const made = await Part.open(
      files[part].reader,
      shape.specs[part],
      { format, stays },
      { onBytes, signal },
    );
    opened.push(made);
    return made;
  };
  const dispose = (): void => {
    for (const part of opened) part.dispose();
  };
  try {
    const parts = { unet: await open('unet'), vae: await open('vae'), text: await open('text') };
    return {
      name,
      unet: makeUnet(buildUnet(shape.unet, parts.unet.source)),
      vae: buildVae(shape.vae, parts.vae.source),
      text: buildTextEncoder(shape.text, parts.text.source),
      parts,
      tokenizer,
      schedulerConfig,
      parameters: {
        unet: countParameters(shape.specs.unet),
        vae: countParameters(shape.specs.vae),
        textEncoder: countParameters(shape.specs.text),
      },
      sizeBytes: PARTS.reduce((sum, part) => sum + files[part].sizeBytes, 0),
      dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function readTokenizer(folder: ModelFolder, { text }: ModelShape): Promise<ClipTokenizer> {
  return makeTokenizer(
    {
      vocab: await readText(folder, 'tokenizer/vocab.json'),
      merges: await readText(folder, 'tokenizer/merges.txt'),
      config: await readText(folder, 'tokenizer/tokenizer_config.json'),
      special: await readTextIfThere(folder, 'tokenizer/special_tokens_map.json'),
    },
    text.maxTokens,
  );
}

async function openPart(
  folder: ModelFolder,
  part: PartName,
  specs: readonly ParameterSpec[],
): Promise<PartFile> {
  const [path, stem] = FILES[part];
  const source = await folder.open(`${path}/${stem}.safetensors`, `${path}/${stem}.fp16.safetensors`);
  const label = `${path}/${source.name.split('/').at(-1)}`;
  const reader = checkpointReader(await openSafetensors(source), specs, label, renameOldVaeKey);
  return { reader, sizeBytes: source.sizeBytes };
}
