// Options of `npm run mitune`: one table that is parsed, listed by --help and turned into a run's settings.

import { parseArgs } from 'node:util';
import { presetSettings } from '../../src/contract/presets.ts';
import type { BackendChoice, MiTuneSpec, PresetName, Settings } from '../../src/contract/spec.ts';
import { type FieldPath, fieldOf } from '../../src/state/setup/fields.ts';
import { acceptsValue, MAX_SEED, settingsProblems } from '../../src/state/setup/specSchema.ts';
import { usageError } from '../lib/usage.ts';

type Row = {
  readonly name: string;
  readonly value: string;
  readonly help: string;
  readonly path?: FieldPath;
};

/** `path` is the setting the option overrides; without one the preset has nothing to say about it. */
const ROWS: readonly Row[] = [
  { name: 'prompts', value: 'FILE', help: 'prompt list: .txt, .csv or .jsonl (required for a new run)' },
  { name: 'out', value: 'DIR', help: 'folder for the results and the state of the run (required)' },
  { name: 'resume', value: '', help: 'go on with the run that was begun in --out' },
  {
    name: 'model',
    value: 'DIR|URL',
    help: 'diffusers folder or its address (default: the built-in shapes model)',
  },
  {
    name: 'preset',
    value: 'NAME',
    help: 'demo, paper or official-code (default: demo); all others below override it',
  },
  { name: 'candidates', value: 'N', help: 'M, images drawn per prompt', path: 'selection.candidates' },
  { name: 'keep', value: 'N', help: 'k, images kept per prompt', path: 'selection.keep' },
  {
    name: 'rounds',
    value: 'N',
    help: 'R, times the set is drawn anew from the tuned model',
    path: 'selection.rounds',
  },
  { name: 'steps', value: 'N', help: 'sampling steps', path: 'sampling.steps' },
  {
    name: 'scheduler',
    value: 'NAME',
    help: 'ddpm, ddim, euler, pndm or dpmpp2m',
    path: 'sampling.scheduler',
  },
  { name: 'guidance', value: 'X', help: 'guidance scale of the sampling path', path: 'sampling.guidance' },
  { name: 'sampling-batch', value: 'N', help: 'candidates per network call', path: 'sampling.batch' },
  {
    name: 'size',
    value: 'N|none',
    help: 'image height and width; none: the model’s own',
    path: 'sampling.size',
  },
  { name: 'path', value: 'NAME', help: 'guided, conditional or renoise', path: 'score.path' },
  {
    name: 'estimator',
    value: 'NAME',
    help: 'orthogonal or standard (standard: renoise path only)',
    path: 'score.estimator',
  },
  { name: 'weights', value: 'NAME', help: 'eq2, code, posterior, dlogsnr or none', path: 'score.weights' },
  { name: 'truncation', value: 'T', help: 'only steps with t above this count', path: 'score.truncation' },
  {
    name: 'noise-draws',
    value: 'N',
    help: 'noise draws per timestep on the renoise path',
    path: 'score.noiseDraws',
  },
  { name: 'adapter', value: 'KIND', help: 'dora or lora', path: 'adapter.kind' },
  { name: 'rank', value: 'N', help: 'rank of the adapter', path: 'adapter.rank' },
  {
    name: 'text-encoder',
    value: 'BOOL',
    help: 'adapt the text encoder too: true or false',
    path: 'adapter.textEncoder',
  },
  { name: 'iterations', value: 'N', help: 'optimizer steps per round', path: 'training.iterations' },
  { name: 'batch', value: 'N', help: 'images per micro-batch', path: 'training.batch' },
  {
    name: 'accumulation',
    value: 'N',
    help: 'micro-batches per optimizer step',
    path: 'training.accumulation',
  },
  { name: 'lr', value: 'X', help: 'learning rate', path: 'training.learningRate' },
  { name: 'warmup', value: 'N', help: 'steps of linear warm-up', path: 'training.warmup' },
  { name: 'clip', value: 'X|none', help: 'largest gradient norm', path: 'training.clip' },
  {
    name: 'validation-share',
    value: 'X',
    help: 'share of distinct prompts held out',
    path: 'training.validationShare',
  },
  {
    name: 'checkpoint-steps',
    value: 'N',
    help: 'steps between checkpoints',
    path: 'training.checkpointEvery',
  },
  {
    name: 'preview-steps',
    value: 'N',
    help: 'steps between preview images, 0 for none',
    path: 'training.previewEvery',
  },
  {
    name: 'real-images',
    value: 'DIR',
    help: 'folder with captioned images and metadata.jsonl (default: none)',
  },
  { name: 'real-share', value: 'X', help: 'share of the set taken from them (default: 0.25)' },
  { name: 'seed', value: 'N', help: 'base seed (default: 42)' },
  { name: 'backend', value: 'NAME', help: 'auto, wasm or webgpu (default: auto)' },
  { name: 'help', value: '', help: 'this text' },
];

export type MiTuneOptions = {
  readonly prompts: string | null;
  readonly out: string;
  readonly resume: boolean;
  /** Folder on disk, address, or null for the built-in model. */
  readonly model: string | null;
  readonly realImages: { readonly folder: string; readonly share: number } | null;
  readonly spec: Omit<MiTuneSpec, 'prompts' | 'model' | 'realImages'>;
};

/** The text of --help: every option with its default under each preset. */
export function helpText(): string {
  const presets = (['demo', 'paper', 'official-code'] as const).map((name) => presetSettings(name));
  const lines = ROWS.map(({ name, value, help, path }) => {
    const defaults =
      path === undefined ? '' : `: ${[...new Set(presets.map((p) => show(read(p, path))))].join(' / ')}`;
    return `  --${`${name} ${value}`.padEnd(24)} ${help}${defaults}`;
  });
  return `Usage: npm run mitune -- --prompts FILE --out DIR [options]\n\nDefaults are those of the presets demo / paper / official-code, one value where they agree.\n\n${lines.join('\n')}`;
}

/** Null asks for the help text. */
export function readOptions(args: readonly string[]): MiTuneOptions | null {
  const flags = new Set(['resume', 'help']);
  const { values } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      ROWS.map(({ name }) => [name, { type: flags.has(name) ? 'boolean' : 'string' }] as const),
    ),
  }) as { values: Record<string, string | boolean | undefined> };
  if (values.help === true) return null;
  const text = (name: string): string | null => (typeof values[name] === 'string' ? values[name] : null);
  const out = text('out');
  if (out === null) throw usageError('Name the folder for the results with --out DIR.');
  const resume = values.resume === true;
  if (!resume && text('prompts') === null) throw usageError('Name the prompt list with --prompts FILE.');
  const preset = oneOf('preset', text('preset') ?? 'demo', ['demo', 'paper', 'official-code']) as PresetName;
  const settings = structuredClone(presetSettings(preset)) as Record<string, Record<string, unknown>>;
  let changed = false;
  for (const { name, path } of ROWS) {
    const given = text(name);
    if (path === undefined || given === null) continue;
    if (resume) throw usageError(`A resumed run keeps its settings: leave out --${name}.`);
    const [group, key] = path.split('.') as [string, string];
    const target = settings[group] as Record<string, unknown>;
    target[key] = parseLike(name, given, target[key]);
    if (!acceptsValue(path, target[key]))
      throw usageError(`--${name} must be ${allowedValues(path)}, not "${given}".`);
    changed = true;
  }
  const [problem] = settingsProblems(settings as unknown as Settings);
  if (problem !== undefined) throw usageError(problem);
  const folder = text('real-images');
  return {
    prompts: text('prompts'),
    out,
    resume,
    model: text('model'),
    realImages: folder === null ? null : { folder, share: shareNumber(text('real-share') ?? '0.25') },
    spec: {
      version: 1,
      preset: changed ? 'custom' : preset,
      seed: seedNumber(text('seed') ?? '42'),
      backend: oneOf('backend', text('backend') ?? 'auto', ['auto', 'wasm', 'webgpu']) as BackendChoice,
      ...(settings as unknown as ReturnType<typeof presetSettings>),
    },
  };
}

/** What a setting may be, in words. */
function allowedValues(path: FieldPath): string {
  const field = fieldOf(path);
  if (field.kind === 'switch') return 'true or false';
  if (field.kind === 'choice') return `one of ${field.options.map((option) => option.value).join(', ')}`;
  return `a ${field.kind === 'integer' ? 'whole number' : 'number'} from ${field.min} to ${field.max}`;
}

/** The value in the type of the preset's value. */
function parseLike(name: string, given: string, like: unknown): unknown {
  if (name === 'clip' || name === 'size') return given === 'none' ? null : number(name, given);
  if (typeof like === 'boolean') return oneOf(name, given, ['true', 'false']) === 'true';
  return typeof like === 'number' ? number(name, given) : given;
}

function number(name: string, given: string): number {
  const value = Number(given);
  if (given.trim() === '' || !Number.isFinite(value))
    throw usageError(`--${name} must be a number, not "${given}".`);
  return value;
}

function seedNumber(given: string): number {
  const value = number('seed', given);
  if (Number.isInteger(value) && value >= 0 && value <= MAX_SEED) return value;
  throw usageError(`--seed must be a whole number from 0 to ${MAX_SEED}, not "${given}".`);
}

function shareNumber(given: string): number {
  const value = number('real-share', given);
  if (value >= 0 && value <= 1) return value;
  throw usageError(`--real-share must be a number from 0 to 1, not "${given}".`);
}

function oneOf(name: string, given: string, allowed: readonly string[]): string {
  if (allowed.includes(given)) return given;
  throw usageError(`--${name} must be one of ${allowed.join(', ')}, not "${given}".`);
}

function read(settings: object, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], settings);
}

function show(value: unknown): string {
  return value === null ? 'none' : String(value);
}
