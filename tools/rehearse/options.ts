// Options of `npm run rehearse`.

import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { usageError } from '../lib/usage.ts';
import { type ModelConfigs, SD21_BASE, TINY } from './modelConfigs.ts';

/** In the order in which they run. */
export const PHASES = [
  'write',
  'download',
  'plan',
  'load',
  'encode',
  'unet',
  'generate',
  'train',
  'decode',
  'export',
] as const;
export type PhaseName = (typeof PHASES)[number];

export type RehearseOptions = {
  readonly model: 'sd21' | 'tiny';
  readonly backend: 'webgpu' | 'wasm';
  readonly work: string;
  readonly out: string;
  readonly only: readonly PhaseName[];
  readonly fresh: boolean;
  /** Reads the served folder as it goes instead of downloading it first. */
  readonly direct: boolean;
  /** Height and width of the latents. */
  readonly latents: number;
  readonly timesteps: readonly number[];
  readonly steps: number;
  readonly rank: number;
  /** Markdown report; null for none. */
  readonly report: string | null;
};

export const MODELS: Readonly<Record<RehearseOptions['model'], ModelConfigs>> = {
  sd21: SD21_BASE,
  tiny: TINY,
};

/** Pixels of the images at the rehearsal's latents. */
export function imageSize({ model, latents }: Pick<RehearseOptions, 'model' | 'latents'>): number {
  const levels = MODELS[model].vae.block_out_channels as readonly number[];
  return latents * 2 ** (levels.length - 1);
}

export const USAGE = `Usage: npm run rehearse -- [options]

Writes a model folder of seeded weights, downloads it into the page through an interruption, and lets the page do
everything once: encode, predict, draw with guidance and MI, train a DoRA step, decode, export. Full size, this takes
about an hour without a GPU, 8 GB of disk and as much memory. A call with the same --work continues where the last one stopped.

--work DIR             folder for the model, the browser's profile and what is done (default: ${defaultWork('sd21')})
--out DIR              folder for results: unet-outputs.safetensors, adapter, image, rehearsal.json (default: WORK/results)
--report FILE          markdown report (default: docs/rehearsal.md for a complete rehearsal of sd21 on webgpu)
--only PHASE,...       of ${PHASES.join(', ')}; what they need is brought along
--model sd21|tiny      tiny: the same kinds of layers, for a try in a minute (default: sd21)
--backend webgpu|wasm  (default: webgpu)
--latents N            height and width of the latents (default: 8)
--timesteps T,...      for the file of the UNet's outputs (default: 981,501,21)
--steps N              sampling steps of the drawn image (default: 2)
--rank N               rank of the adapter (default: 32)
--direct               read the served folder instead of downloading it first
--fresh                forget what is done and what the browser stores; the model folder is kept
--help                 this text`;

/** Null asks for the usage text. */
export function readOptions(args: readonly string[]): RehearseOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      work: { type: 'string' },
      out: { type: 'string' },
      report: { type: 'string' },
      only: { type: 'string' },
      model: { type: 'string', default: 'sd21' },
      backend: { type: 'string', default: 'webgpu' },
      latents: { type: 'string', default: '8' },
      timesteps: { type: 'string', default: '981,501,21' },
      steps: { type: 'string', default: '2' },
      rank: { type: 'string', default: '32' },
      direct: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const model = oneOf('model', values.model, ['sd21', 'tiny'] as const);
  const backend = oneOf('backend', values.backend, ['webgpu', 'wasm'] as const);
  const work = resolve(values.work ?? defaultWork(model));
  const only =
    values.only === undefined ? PHASES : values.only.split(',').map((name) => oneOf('only', name, PHASES));
  const complete = values.only === undefined && model === 'sd21' && backend === 'webgpu';
  return {
    model,
    backend,
    work,
    out: resolve(values.out ?? join(work, 'results')),
    only,
    fresh: values.fresh,
    direct: values.direct,
    latents: count('latents', values.latents, 1, 64),
    timesteps: values.timesteps.split(',').map((t) => count('timesteps', t, 0, 999)),
    steps: count('steps', values.steps, 1, 1000),
    rank: count('rank', values.rank, 1, 256),
    report:
      values.report !== undefined
        ? resolve(values.report)
        : complete
          ? resolve('docs', 'rehearsal.md')
          : null,
  };
}

function defaultWork(model: string): string {
  return join(tmpdir(), `mi-tune-rehearsal-${model}`);
}

function oneOf<T extends string>(name: string, given: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === given);
  if (found === undefined)
    throw usageError(`--${name} must be one of ${allowed.join(', ')}, not "${given}".`);
  return found;
}

function count(name: string, given: string, min: number, max: number): number {
  const value = Number(given);
  if (Number.isInteger(value) && value >= min && value <= max && given.trim() !== '') return value;
  throw usageError(`--${name} must be a whole number from ${min} to ${max}, not "${given}".`);
}
