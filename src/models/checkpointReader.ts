import type { WeightFormat } from '../contract/backend.ts';
import type { TensorFile } from '../formats/tensorFile.ts';
import { StudioError } from '../lib/errors.ts';
import { floatToHalf } from '../lib/half.ts';
import { convFromCheckpoint, linearFromCheckpoint } from '../tensor/layout.ts';
import type { ParameterSpec } from './parameters.ts';

/** Where the parameters of a network come from. Numbers are in the layout of memory, matrices as halves if asked. */
export interface ParameterReader {
  /** Of any parameter, in the layout of the checkpoint. */
  vector(spec: ParameterSpec): Promise<Float32Array>;
  /** A linear, pointwise or convolution weight. */
  matrix(spec: ParameterSpec, format: WeightFormat): Promise<Float32Array | Uint16Array>;
  table(spec: ParameterSpec, format: WeightFormat): Promise<Float32Array | Uint16Array>;
  /** Bytes of the parameter as stored. */
  sizeOf(spec: ParameterSpec): number;
}

/** Buffers that checkpoints carry beside their parameters. */
const NOT_PARAMETERS = /(^|\.)position_ids$|^text_projection\.weight$/;

/**
 * Reads the parameters of `specs` from a file, one tensor at a time. Names and shapes are compared first, so that a wrong
 * file costs nothing. Its methods throw StudioError `weights-not-finite`.
 *
 * @param label how messages call the file
 * @param rename maps a name in the file to the name in the specs
 * @throws StudioError `weights-mismatch` naming missing, extra and mis-shaped tensors
 */
export function checkpointReader(
  file: TensorFile,
  specs: readonly ParameterSpec[],
  label: string,
  rename: (name: string) => string = (name) => name,
): ParameterReader {
  const names = new Map([...file.entries.keys()].map((inFile) => [rename(inFile), inFile]));
  // Two names of one parameter: neither can be preferred.
  const doubled = [...file.entries.keys()].filter((inFile) => names.get(rename(inFile)) !== inFile);
  checkNames(file, { names, doubled }, specs, label);
  const nameOf = ({ name }: ParameterSpec): string => names.get(name) as string;
  const floats = async (spec: ParameterSpec): Promise<Float32Array> => {
    const values = await file.readF32(nameOf(spec));
    if (!areFloatsFinite(values)) throw notFinite(spec, label, 'values that are not numbers');
    return values;
  };
  const halves = async (spec: ParameterSpec): Promise<Uint16Array> => {
    const bits = await file.readHalfBits(nameOf(spec));
    if (!areHalvesFinite(bits)) {
      throw notFinite(spec, label, 'values that are not numbers, or too large for half precision');
    }
    return bits;
  };
  const read = (spec: ParameterSpec, format: WeightFormat): Promise<Float32Array | Uint16Array> =>
    format === 'f16' ? halves(spec) : floats(spec);
  return {
    vector: floats,
    table: read,
    matrix: async (spec, format) => inMemoryLayout(spec, await read(spec, format)),
    sizeOf: (spec) => file.entries.get(nameOf(spec))?.sizeBytes ?? 0,
  };
}

/**
 * The same value in every matrix, to learn what memory a network takes without reading it. Zeros cost no memory until they
 * are looked at; DoRA divides by the lengths of columns, so that real runs need another value.
 */
export function constantReader(value: number): ParameterReader {
  const bits = floatToHalf(value);
  let floats = new Float32Array(0);
  let halves = new Uint16Array(0);
  return {
    vector: async ({ shape }) => new Float32Array(shape[0] as number),
    matrix: async ({ shape }, format) => {
      const count = shape.reduce((product, size) => product * size, 1);
      if (format === 'f16') {
        if (halves.length < count) halves = constant(new Uint16Array(count), bits);
        return halves.subarray(0, count);
      }
      if (floats.length < count) floats = constant(new Float32Array(count), value);
      return floats.subarray(0, count);
    },
    // Rows of an empty table add nothing.
    table: async () => new Uint16Array(0),
    sizeOf: () => 0,
  };
}

function constant<T extends Float32Array | Uint16Array>(data: T, value: number): T {
  if (value !== 0) data.fill(value);
  return data;
}

function inMemoryLayout<T extends Float32Array | Uint16Array>({ kind, shape }: ParameterSpec, data: T): T {
  const [out, inputs, height, width] = shape as [number, number, number, number];
  if (kind === 'conv') return convFromCheckpoint(data, [out, inputs, height, width]);
  return linearFromCheckpoint(data, [out, data.length / out]);
}

function areFloatsFinite(data: Float32Array): boolean {
  // One pass without branches: a sum of x - x is NaN as soon as one value is infinite or NaN.
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i] as number) - (data[i] as number);
  return sum === 0;
}

function areHalvesFinite(bits: Uint16Array): boolean {
  // Infinities and NaN have all five bits of the exponent set.
  for (let i = 0; i < bits.length; i++) if (((bits[i] as number) & 0x7c00) === 0x7c00) return false;
  return true;
}

function notFinite({ name }: ParameterSpec, label: string, what: string): StudioError {
  return new StudioError('weights-not-finite', `${name} in ${label} contains ${what}.`, {
    where: name,
    remedy: 'The file is damaged; download it again.',
  });
}

function checkNames(
  file: TensorFile,
  { names, doubled }: { names: ReadonlyMap<string, string>; doubled: readonly string[] },
  specs: readonly ParameterSpec[],
  label: string,
): void {
  const expected = new Set(specs.map((s) => s.name));
  const missing = specs.filter((s) => !names.has(s.name)).map((s) => s.name);
  const extra = [...names.keys()].filter((name) => !expected.has(name) && !NOT_PARAMETERS.test(name));
  const shaped = specs.flatMap((s) => {
    const shape = file.entries.get(names.get(s.name) ?? '')?.shape;
    return shape === undefined || same(shape, s.shape)
      ? []
      : [`${s.name} is [${shape}] instead of [${s.shape}]`];
  });
  const problems = [
    list('missing', missing),
    list('unknown', extra),
    list('there under two names', doubled),
    list('of the wrong shape', shaped),
  ].filter((p) => p !== '');
  if (problems.length === 0) return;
  throw new StudioError('weights-mismatch', `${label} does not fit its config: ${problems.join('; ')}.`, {
    where: label,
    remedy: 'Check that config.json and the weights come from the same model.',
  });
}

function list(what: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const shown = names.slice(0, 5).join(', ');
  return `${names.length} ${what} (${shown}${names.length > 5 ? ', …' : ''})`;
}

/** Axes of size 1 in front do not matter: programs differ in whether a table has one for the batch. */
function same(a: readonly number[], b: readonly number[]): boolean {
  const [inFile, expected] = [withoutFrontOnes(a), withoutFrontOnes(b)];
  return inFile.length === expected.length && inFile.every((size, i) => size === expected[i]);
}

function withoutFrontOnes(shape: readonly number[]): readonly number[] {
  const first = shape.findIndex((size) => size !== 1);
  return first < 0 ? [] : shape.slice(first);
}
