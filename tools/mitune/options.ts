// Options of `npm run mitune`: one table that is parsed, listed by --help and turned into a run's settings.

import { parseArgs } from 'node:util';
import { EXPORT_NAMES, type ExportName } from '../../src/contract/adapterFiles.ts';
import {
  accepts,
  describeRange,
  type Field,
  type FieldValue,
  parseFieldText,
} from '../../src/contract/field.ts';
import { presetSettings } from '../../src/contract/presets.ts';
import { MAX_SEED } from '../../src/contract/runSchema.ts';
import { FIELD_PATHS, type FieldPath, fieldOf, getField, setField } from '../../src/contract/settings.ts';
import {
  BACKEND_CHOICES,
  type MethodChoice,
  type MiTuneSpec,
  PRESET_NAMES,
} from '../../src/contract/spec.ts';
import { chosenMethod, drawingMethod, METHODS, runProblems } from '../../src/methods/registry.ts';
import { METRICS } from '../../src/metrics/registry.ts';
import { usageError } from '../lib/usage.ts';

type Row = {
  readonly name: string;
  readonly value: string;
  readonly help: string;
  readonly path?: FieldPath;
};

const MEASURED = METRICS.filter(({ madeOf }) => madeOf === undefined).map(({ name }) => name);

const BEFORE: readonly Row[] = [
  { name: 'prompts', value: 'FILE', help: 'prompt list: .txt, .csv or .jsonl (required for a new run)' },
  { name: 'out', value: 'DIR', help: 'folder for the results and the state of the run (required)' },
  { name: 'resume', value: '', help: 'continue the run that was begun in --out' },
  {
    name: 'model',
    value: 'DIR|URL',
    help: 'diffusers folder or its address (default: the built-in shapes model)',
  },
  {
    name: 'preset',
    value: 'NAME',
    help: `${PRESET_NAMES.join(', ')} (default: demo); all others below override it`,
  },
];

const AFTER: readonly Row[] = [
  {
    name: 'real-images',
    value: 'DIR',
    help: 'folder with captioned images and metadata.jsonl (default: none)',
  },
  {
    name: 'metrics',
    value: 'A,B',
    help: `metrics of every image: ${MEASURED.join(', ')}; NAME=DIR where its model does not come with the page (exact: for the shapes model only, and always measured there)`,
  },
  { name: 'real-share', value: 'X', help: 'share of the set taken from them (default: 0.25)' },
  {
    name: 'export',
    value: 'LIST',
    help: `formats of the adapter, with commas between: ${EXPORT_NAMES.join(', ')} (default: diffusers)`,
  },
  { name: 'seed', value: 'N', help: 'base seed (default: 42)' },
  { name: 'backend', value: 'NAME', help: `${BACKEND_CHOICES.join(', ')} (default: auto)` },
  { name: 'help', value: '', help: 'this text' },
];

const PLACEHOLDERS = { integer: 'N', number: 'X', choice: 'NAME', switch: '[BOOL]' } as const;

const METHOD_ROWS: readonly Row[] = [
  {
    name: 'method',
    value: 'NAME',
    help: `what the run does: ${METHODS.map(({ name }) => name).join(', ')} (default: mi-tune)`,
  },
  {
    name: 'method-option',
    value: 'KEY=VALUE',
    help: 'an option of the method, as often as needed; listed below',
  },
  {
    name: 'drawn-by',
    value: 'NAME',
    help: `draw the images of another method's run by ${drawingNames().join(', ')} (default: guidance alone)`,
  },
  { name: 'drawn-by-option', value: 'KEY=VALUE', help: 'an option of that, as often as needed' },
];
const REPEATED = new Set(['method-option', 'drawn-by-option']);

function drawingNames(): readonly string[] {
  return METHODS.filter(({ draws }) => draws).map(({ name }) => name);
}

/** Every setting of the field table is an option. */
const SETTINGS: readonly Row[] = FIELD_PATHS.map((path) => {
  const field = fieldOf(path);
  const isNumber = field.kind === 'integer' || field.kind === 'number';
  const value = `${PLACEHOLDERS[field.kind]}${isNumber && field.none !== undefined ? '|none' : ''}`;
  const choices = field.kind === 'choice' ? ` (${field.choices.map((o) => o.value).join(', ')})` : '';
  return { name: field.flag, value, help: `${field.label}${choices}`, path };
});

/** `path` is the setting the option overrides; without one the preset has nothing to say about it. */
const ROWS: readonly Row[] = [...BEFORE, ...METHOD_ROWS, ...SETTINGS, ...AFTER];

export type MiTuneOptions = {
  readonly prompts: string | null;
  readonly out: string;
  readonly resume: boolean;
  /** Folder on disk, address, or null for the built-in model. */
  readonly model: string | null;
  /** Formats that the adapter is written in. */
  readonly exports: readonly ExportName[];
  readonly realImages: { readonly folder: string; readonly share: number } | null;
  readonly metrics: readonly AskedMetric[];
  readonly spec: Omit<MiTuneSpec, 'prompts' | 'model' | 'realImages' | 'metrics'>;
};

/** A metric and the folder of its model; null for one that comes with the page. */
type AskedMetric = { readonly name: string; readonly folder: string | null };

/** The text of --help: every option with its default under each preset. */
export function helpText(): string {
  const presets = PRESET_NAMES.map((name) => presetSettings(name));
  const lines = ROWS.map(({ name, value, help, path }) => {
    const defaults =
      path === undefined ? '' : `: ${[...new Set(presets.map((p) => show(getField(p, path))))].join(' / ')}`;
    return `  --${`${name} ${value}`.padEnd(24)} ${help}${defaults}`;
  });
  return `Usage: npm run mitune -- --prompts FILE --out DIR [options]\n\nDefaults are those of the presets demo / paper / official-code, one value where they agree.\n\n${lines.join('\n')}\n\nOptions of methods:\n\n${methodLines().join('\n')}`;
}

function methodLines(): string[] {
  return METHODS.flatMap(({ name, options }) =>
    options.map(
      (option) =>
        `  ${`${name}: ${option.key}`.padEnd(34)} ${option.label}, ${describeRange(option)} (default: ${show(option.default)})`,
    ),
  );
}

/** Null asks for the help text. */
export function readOptions(args: readonly string[]): MiTuneOptions | null {
  const flags = new Set(['resume', 'help']);
  const { values } = parseArgs({
    args: args.flatMap((arg, i) => (isLoneSwitch(arg, args[i + 1]) ? [arg, 'true'] : [arg])),
    options: Object.fromEntries(
      ROWS.map(
        ({ name }) =>
          [name, { type: flags.has(name) ? 'boolean' : 'string', multiple: REPEATED.has(name) }] as const,
      ),
    ),
  }) as { values: Record<string, string | boolean | readonly string[] | undefined> };
  if (values.help === true) return null;
  const text = (name: string): string | null => (typeof values[name] === 'string' ? values[name] : null);
  const out = text('out');
  if (out === null) throw usageError('Name the folder for the results with --out DIR.');
  const resume = values.resume === true;
  if (!resume && text('prompts') === null) throw usageError('Name the prompt list with --prompts FILE.');
  const preset = oneOf('preset', text('preset') ?? 'demo', PRESET_NAMES);
  let settings = presetSettings(preset);
  let changed = false;
  for (const { name, path } of ROWS) {
    const given = text(name);
    if (path === undefined || given === null) continue;
    if (resume) throw usageError(`A resumed run keeps its settings: leave out --${name}.`);
    settings = setField(settings, path, parseSetting(name, given, fieldOf(path)));
    changed = true;
  }
  const chosen = {
    ...choiceOf('method', text('method'), values['method-option']),
    ...choiceOf('drawnBy', text('drawn-by'), values['drawn-by-option']),
  };
  if (resume && Object.keys(chosen).length > 0)
    throw usageError('A resumed run keeps its method: leave out --method and --drawn-by.');
  // Both are checked against what the methods declare.
  drawingMethod(chosen);
  const [problem] = runProblems({ ...settings, ...chosen });
  if (problem !== undefined) throw usageError(problem);
  const folder = text('real-images');
  return {
    prompts: text('prompts'),
    out,
    resume,
    model: text('model'),
    exports: exportNames(text('export') ?? 'diffusers'),
    realImages: folder === null ? null : { folder, share: shareNumber(text('real-share') ?? '0.25') },
    metrics: askedMetrics(text('metrics') ?? ''),
    spec: {
      version: 1,
      preset: changed ? 'custom' : preset,
      seed: seedNumber(text('seed') ?? '42'),
      backend: oneOf('backend', text('backend') ?? 'auto', BACKEND_CHOICES),
      ...chosen,
      ...settings,
    },
  };
}

/** True for a switch without a value, which means that it is on. */
function isLoneSwitch(arg: string, next: string | undefined): boolean {
  const isSwitch = SETTINGS.some(
    ({ name, path }) => arg === `--${name}` && path !== undefined && fieldOf(path).kind === 'switch',
  );
  return isSwitch && (next === undefined || next.startsWith('--'));
}

/** A method by name with its options, as the run's spec has it; nothing where none is named. */
function choiceOf(
  key: 'method' | 'drawnBy',
  name: string | null,
  given: string | boolean | readonly string[] | undefined,
): Partial<Record<'method' | 'drawnBy', MethodChoice>> {
  const pairs = Array.isArray(given) ? (given as readonly string[]) : [];
  const flag = key === 'method' ? 'method' : 'drawn-by';
  if (name === null) {
    if (pairs.length > 0) throw usageError(`--${flag}-option needs --${flag}.`);
    return {};
  }
  const { method } = chosenMethod({ name, options: {} });
  const options = pairs.map((pair): [string, FieldValue] => {
    const [option = '', ...value] = pair.split('=');
    const field = method.options.find((o) => o.key === option);
    if (field === undefined || value.length === 0) {
      const known = method.options.map((o) => o.key).join(', ') || 'none';
      throw usageError(
        `--${flag}-option must be KEY=VALUE with an option of ${name} (${known}), not "${pair}".`,
      );
    }
    return [option, parseSetting(`${flag}-option ${option}`, value.join('='), field)];
  });
  return { [key]: { name, options: Object.fromEntries(options) } };
}

function askedMetrics(given: string): AskedMetric[] {
  return given
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', ...folder] = part.split('=');
      return {
        name: oneOf('metrics', name, MEASURED),
        folder: folder.length === 0 ? null : folder.join('='),
      };
    });
}

function parseSetting(name: string, given: string, field: Field): FieldValue {
  const value = parseFieldText(field, given);
  if (accepts(field, value)) return value;
  throw usageError(`--${name} must be ${describeRange(field)}, not "${given}".`);
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

function exportNames(given: string): readonly ExportName[] {
  return [...new Set(given.split(',').map((name) => oneOf('export', name.trim(), EXPORT_NAMES)))];
}

function oneOf<T extends string>(name: string, given: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === given);
  if (found !== undefined) return found;
  throw usageError(`--${name} must be one of ${allowed.join(', ')}, not "${given}".`);
}

function show(value: unknown): string {
  return value === null ? 'none' : String(value);
}
