/** Which files of a folder make a Stable Diffusion model: in diffusers layout, or as a single-file checkpoint. */

import { StudioError } from '../lib/errors.ts';
import { pickled } from '../sources/address.ts';
import { cleanPaths } from './paths.ts';

/** `metric`: the network of a metric, with the files that `METRIC_MODELS` names. */
export type ModelLayout = 'diffusers' | 'checkpoint' | 'metric';

export type ModelFiles<F> = {
  readonly layout: ModelLayout;
  /** Files to keep, with paths such as `unet/config.json`; a checkpoint gets the name `CHECKPOINT_PATH`. */
  readonly needed: readonly F[];
  /** Paths of the rest. */
  readonly skipped: readonly string[];
};

/** Where a single-file checkpoint is kept in its folder. */
export const CHECKPOINT_PATH = 'checkpoint.safetensors';

/**
 * Weight files of a part, without ending. Of several precisions one is kept, the smallest that training starts from:
 * frozen weights are used as halves anyway.
 */
const WEIGHTS = {
  unet: 'unet/diffusion_pytorch_model',
  vae: 'vae/diffusion_pytorch_model',
  text_encoder: 'text_encoder/model',
} as const;
const VARIANTS = ['.fp16', '.bf16', ''] as const;

/** Texts that every model in diffusers layout has. */
export const REQUIRED_TEXTS: readonly string[] = [
  'unet/config.json',
  'vae/config.json',
  'text_encoder/config.json',
  'tokenizer/vocab.json',
  'tokenizer/merges.txt',
  'tokenizer/tokenizer_config.json',
  'scheduler/scheduler_config.json',
];
/** Texts that it may have. */
export const OPTIONAL_TEXTS: readonly string[] = ['model_index.json', 'tokenizer/special_tokens_map.json'];

const FOLDERS = ['unet', 'vae', 'text_encoder', 'tokenizer', 'scheduler'];
const TEXTS: ReadonlySet<string> = new Set([...REQUIRED_TEXTS, ...OPTIONAL_TEXTS]);
const INDEX = /\.safetensors\.index(\.\w+)?\.json$/;
const PICKLE = /\.(ckpt|bin|pt|pth|pkl)$/i;
const CHECKPOINT = /^[^/]+\.safetensors$/i;
/** What a user may put beside a checkpoint. */
const TOKENIZER = /(^|\/)(vocab\.json|merges\.txt)$/;

/** Paths of the weights of each part, the preferred first. */
export function weightPaths(): readonly (readonly string[])[] {
  return Object.values(WEIGHTS).map((stem) => VARIANTS.map((variant) => `${stem}${variant}.safetensors`));
}

/** The paths to try for a file: weights go by several names. */
export function pathsOfSame(path: string): readonly string[] {
  return weightPaths().find((paths) => paths.includes(path)) ?? [path];
}

/**
 * @throws StudioError `model-pickle` if a part has its weights in Python's pickle format only, `model-sharded` if in
 * pieces, `model-file-missing` naming everything else that is missing, `storage-path` for paths that lead out
 */
export function chooseModelFiles<F extends { readonly path: string }>(files: readonly F[]): ModelFiles<F> {
  const clean = cleanPaths(files, FOLDERS);
  const paths = new Set(clean.map(({ path }) => path));
  const weights = Object.entries(WEIGHTS).map(([part, stem]) => ({
    part,
    expected: `${stem}.safetensors`,
    found: VARIANTS.map((variant) => `${stem}${variant}.safetensors`).find((path) => paths.has(path)),
  }));
  const withoutWeights = weights.filter(({ found }) => found === undefined);
  if (withoutWeights.length === weights.length) {
    const checkpoint = chooseCheckpoint(clean);
    if (checkpoint !== null) return checkpoint;
  }
  const inPart = (path: string) => withoutWeights.some(({ part }) => path.startsWith(`${part}/`));
  const shard = clean.find(({ path }) => INDEX.test(path) && inPart(path));
  if (shard !== undefined) throw sharded(shard.path);
  const pickle = clean.find(({ path }) => PICKLE.test(path) && (!path.includes('/') || inPart(path)));
  if (withoutWeights.length > 0 && pickle !== undefined) throw pickled(pickle.path);
  const missing = [
    ...REQUIRED_TEXTS.filter((path) => !paths.has(path)),
    ...withoutWeights.map(({ expected }) => expected),
  ];
  if (missing.length > 0) throw incomplete(missing);
  const chosen = new Set(weights.map(({ found }) => found));
  const isNeeded = ({ path }: F) => TEXTS.has(path) || chosen.has(path);
  return {
    layout: 'diffusers',
    needed: clean.filter(isNeeded),
    skipped: clean.filter((file) => !isNeeded(file)).map(({ path }) => path),
  };
}

/** The only checkpoint of a folder without parts, with a tokenizer if there is one; null if there is none. */
function chooseCheckpoint<F extends { readonly path: string }>(clean: readonly F[]): ModelFiles<F> | null {
  const found = clean.filter(({ path }) => CHECKPOINT.test(path));
  const [only, second] = found;
  if (only === undefined) return null;
  if (second !== undefined) throw severalCheckpoints(found.map(({ path }) => path));
  const texts = clean.filter(({ path }) => TOKENIZER.test(path));
  const named = new Map(texts.map((file) => [`tokenizer/${file.path.split('/').at(-1)}`, file]));
  const tokenizer = [...named].map(([path, file]) => ({ ...file, path }));
  const kept = new Set<F>([only, ...named.values()]);
  return {
    layout: 'checkpoint',
    needed: [{ ...only, path: CHECKPOINT_PATH }, ...tokenizer],
    skipped: clean.filter((file) => !kept.has(file)).map(({ path }) => path),
  };
}

function sharded(where: string): StudioError {
  return new StudioError(
    'model-sharded',
    `The weights at ${where} are in several pieces, which cannot be read here.`,
    {
      remedy:
        'Take a version of the model with one .safetensors file for each part; half precision (fp16) usually is one.',
      where,
    },
  );
}

function severalCheckpoints(paths: readonly string[]): StudioError {
  return new StudioError('model-ambiguous', `There are ${paths.length} checkpoints: ${paths.join(', ')}.`, {
    remedy: 'Choose one of them: drop it alone, or give its own address.',
    where: paths[0] ?? '',
  });
}

function incomplete(missing: readonly string[]): StudioError {
  return new StudioError(
    'model-file-missing',
    `The folder is not a complete model: ${missing.join(', ')} missing.`,
    {
      remedy:
        'Choose the whole model folder in diffusers layout, with unet, vae, text_encoder, tokenizer and scheduler, or a single-file .safetensors checkpoint.',
      where: missing[0] ?? '',
    },
  );
}
