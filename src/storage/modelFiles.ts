/** Which files of a dropped folder make a Stable Diffusion model in diffusers layout. */
import { StudioError } from '../lib/errors.ts';
import type { ImportedFile } from './importFiles.ts';
import { cleanPaths } from './paths.ts';

export type ModelFiles = {
  /** Files to keep, with paths such as `unet/config.json`. */
  readonly needed: readonly ImportedFile[];
  /** Paths of the rest. */
  readonly skipped: readonly string[];
};

/** Weight files of a part, the preferred first: one is enough, and a second one would only take room. */
const WEIGHTS = {
  unet: ['diffusion_pytorch_model.safetensors', 'diffusion_pytorch_model.fp16.safetensors'],
  vae: ['diffusion_pytorch_model.safetensors', 'diffusion_pytorch_model.fp16.safetensors'],
  text_encoder: ['model.safetensors', 'model.fp16.safetensors'],
} as const;

const REQUIRED_TEXTS = [
  'unet/config.json',
  'vae/config.json',
  'text_encoder/config.json',
  'tokenizer/vocab.json',
  'tokenizer/merges.txt',
  'tokenizer/tokenizer_config.json',
  'scheduler/scheduler_config.json',
];

const FOLDERS = ['unet', 'vae', 'text_encoder', 'tokenizer', 'scheduler'];
const TEXT = /^(model_index\.json|(unet|vae|text_encoder|tokenizer|scheduler)\/[^/]+\.(json|txt))$/;
const PICKLE = /\.(ckpt|bin|pt|pth|pkl)$/i;

/**
 * @throws StudioError `model-pickle` if a part has its weights in Python's pickle format only, `model-file-missing`
 * naming everything else that is missing, `storage-path` for paths that lead out of the folder
 */
export function chooseModelFiles(files: readonly ImportedFile[]): ModelFiles {
  const clean = cleanPaths(files, FOLDERS);
  const paths = new Set(clean.map(({ path }) => path));
  const weights = Object.entries(WEIGHTS).map(([part, names]) => ({
    part,
    expected: `${part}/${names[0]}`,
    found: names.map((name) => `${part}/${name}`).find((path) => paths.has(path)),
  }));
  const withoutWeights = weights.filter(({ found }) => found === undefined);
  const pickle = clean.find(
    ({ path }) =>
      PICKLE.test(path) &&
      (!path.includes('/') || withoutWeights.some(({ part }) => path.startsWith(`${part}/`))),
  );
  if (withoutWeights.length > 0 && pickle !== undefined) throw pickled(pickle.path);
  const missing = [
    ...REQUIRED_TEXTS.filter((path) => !paths.has(path)),
    ...withoutWeights.map(({ expected }) => expected),
  ];
  if (missing.length > 0) throw incomplete(missing);
  const chosen = new Set(weights.map(({ found }) => found));
  const isNeeded = ({ path }: ImportedFile) => TEXT.test(path) || chosen.has(path);
  return {
    needed: clean.filter(isNeeded),
    skipped: clean.filter((file) => !isNeeded(file)).map(({ path }) => path),
  };
}

function pickled(where: string): StudioError {
  return new StudioError('model-pickle', `${where} is in Python’s pickle format, which is not read here.`, {
    remedy:
      'Opening a pickle file runs the code that is inside it. Take the safetensors version of the model, in ' +
      'diffusers layout; most model pages offer it.',
    where,
  });
}

function incomplete(missing: readonly string[]): StudioError {
  return new StudioError(
    'model-file-missing',
    `The folder is no complete model: ${missing.join(', ')} missing.`,
    {
      remedy:
        'Choose the whole model folder in diffusers layout, with unet, vae, text_encoder, tokenizer and scheduler.',
      where: missing[0] ?? '',
    },
  );
}
