// Names and shapes of adapter tensors, as several versions of other programs really wrote them.

import * as v from 'valibot';
import {
  type AdapterPart,
  parseAdapterKey,
  toDiffusersKey,
  toKohyaKey,
  toPeftKey,
} from '../../../src/formats/adapterKeys.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';

const shape = v.array(v.number());
/** Key to shape. */
const keysSchema = v.record(v.string(), shape);
/** Module to its keys. */
const modulesSchema = v.record(v.string(), keysSchema);

const linearSchema = v.object({
  module: v.string(),
  base_weight: v.tuple([v.number(), v.number()]),
  peft_state_dict: keysSchema,
  diffusers_pytorch_lora_weights: keysSchema,
  diffusers_pytorch_lora_weights_alternative_also_loadable: keysSchema,
  kohya: keysSchema,
});

/** What a method of a program wrote: its keys, one or more files of keys, or a note that it failed. */
const writtenSchema = v.union([
  modulesSchema,
  v.record(v.string(), v.looseObject({ keys: modulesSchema })),
  v.string(),
]);

const fileSchema = v.looseObject({
  real_sd21_three_linears: v.array(linearSchema),
  observed_by_version: v.record(v.string(), v.record(v.string(), v.record(v.string(), writtenSchema))),
});

type Linear = v.InferOutput<typeof linearSchema>;
type Modules = v.InferOutput<typeof modulesSchema>;

export async function runNaming(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { file } = v.parse(v.object({ file: v.string() }), entry);
  const naming = v.parse(fileSchema, await io.json(file));
  for (const linear of naming.real_sd21_three_linears) {
    checkWriting(linear, report);
    checkReading('read real', { [linear.module]: { ...linear.peft_state_dict, ...linear.kohya } }, report);
    checkReading('read real', { [linear.module]: linear.diffusers_pytorch_lora_weights }, report);
    const alternative = linear.diffusers_pytorch_lora_weights_alternative_also_loadable;
    checkReading('read real', { [linear.module]: alternative }, report);
  }
  for (const [version, adapters] of Object.entries(naming.observed_by_version)) {
    for (const [adapter, methods] of Object.entries(adapters)) {
      for (const [method, written] of Object.entries(methods)) {
        if (typeof written === 'string') continue;
        for (const modules of filesOf(written))
          checkReading(`${version}, ${adapter}`, modules, report, method);
      }
    }
  }
}

function filesOf(written: Exclude<v.InferOutput<typeof writtenSchema>, string>): Modules[] {
  const inner = Object.values(written);
  const files = inner.filter(
    (value): value is { keys: Modules } => 'keys' in value && !Array.isArray(value.keys),
  );
  return files.length > 0 ? files.map((value) => value.keys) : [v.parse(modulesSchema, written)];
}

/** Our names for one linear layer, with the shapes they stand for, in the order of the file. */
function checkWriting(linear: Linear, report: Report): void {
  const module = `unet.${linear.module}`;
  const [out, into] = linear.base_weight;
  const rank = Object.values(linear.peft_state_dict)[0]?.[0] ?? Number.NaN;
  const shapes = { down: [rank, into], up: [out, rank], magnitude: [out] };
  const name = (key: (part: keyof typeof shapes) => string) =>
    sorted({ [key('down')]: shapes.down, [key('up')]: shapes.up, [key('magnitude')]: shapes.magnitude });
  const { module: quantity } = linear;
  report.equal(
    'write peft',
    quantity,
    name((part) => toPeftKey(module, part)),
    sorted(linear.peft_state_dict),
  );
  report.equal(
    'write diffusers',
    quantity,
    name((part) => toDiffusersKey(module, part)),
    sorted(linear.diffusers_pytorch_lora_weights),
  );
  const kohya = {
    [toKohyaKey(module, 'down')]: shapes.down,
    [toKohyaKey(module, 'up')]: shapes.up,
    [toKohyaKey(module, 'alpha')]: [],
    // A column: its first axis being `out` is what tells readers that it belongs to rows of the weight.
    [toKohyaKey(module, 'magnitude')]: [out, 1],
  };
  report.equal('write kohya', quantity, sorted(kohya), sorted(linear.kohya));
}

/** Every key must lead to its module and part. Names that no loader accepts may also be refused. */
function checkReading(id: string, modules: Modules, report: Report, method = ''): void {
  const known = new Set(Object.keys(modules).map((module) => `unet.${module}`));
  for (const [module, keys] of Object.entries(modules)) {
    for (const key of Object.keys(keys)) {
      const parsed = parseAdapterKey(key, known);
      const expected = { module: `unet.${module}`, part: partOf(key) };
      if (parsed === undefined && isUnloadable(key, expected.module, method)) continue;
      const actual = parsed && { module: parsed.module, part: parsed.part };
      report.equal(id, key, actual, expected);
    }
  }
}

/** diffusers' converter leaves dots in module names and, without a prefix, a name that belongs to no component. */
function isUnloadable(key: string, module: string, method: string): boolean {
  if (!method.startsWith('convert_state_dict_to_kohya')) return false;
  return !(['down', 'up', 'magnitude', 'alpha'] as const).some((part) => key === toKohyaKey(module, part));
}

function partOf(key: string): AdapterPart {
  if (/\.(lora\.down|lora_A|lora_down)\b/.test(key)) return 'down';
  if (/\.(lora\.up|lora_B|lora_up)\b/.test(key)) return 'up';
  return key.endsWith('.alpha') ? 'alpha' : 'magnitude';
}

function sorted(keys: Readonly<Record<string, readonly number[]>>): [string, readonly number[]][] {
  return Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1));
}
