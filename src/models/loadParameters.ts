import type { SafetensorsFile } from '../formats/safetensors.ts';
import { StudioError } from '../lib/errors.ts';
import { convFromCheckpoint, linearFromCheckpoint } from '../tensor/layout.ts';
import { type Tensor1D, tf } from '../tensor/tf.ts';
import type { WeightFormat } from '../tensor/types.ts';
import { disposeWeight, makeWeight, type Weight } from '../tensor/weights.ts';
import type { ParameterSource, ParameterSpec } from './parameters.ts';

/** Buffers that checkpoints carry beside their parameters. */
const NOT_PARAMETERS = /(^|\.)position_ids$|^text_projection\.weight$/;

export type LoadedParameters = { readonly source: ParameterSource; dispose(): void };

export type LoadOptions = {
  /** Precision frozen matrices are kept at; vectors are always f32. */
  readonly format: WeightFormat;
  /** Maps a name in the file to the name in the specs. */
  readonly rename?: (name: string) => string;
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Reads every tensor of `specs` from a checkpoint, one at a time, and brings it to the backend.
 *
 * Names and shapes are compared first, so that a wrong file costs nothing.
 * @throws StudioError `weights-mismatch` naming missing, extra and mis-shaped tensors; `weights-not-finite`
 */
export async function loadParameters(
  file: SafetensorsFile,
  specs: readonly ParameterSpec[],
  label: string,
  options: LoadOptions,
): Promise<LoadedParameters> {
  const rename = options.rename ?? ((name: string) => name);
  const names = new Map([...file.entries.keys()].map((inFile) => [rename(inFile), inFile]));
  // Two names of one parameter: neither can be preferred.
  const doubled = [...file.entries.keys()].filter((inFile) => names.get(rename(inFile)) !== inFile);
  checkNames(file, { names, doubled }, specs, label);
  const vectors = new Map<string, Tensor1D>();
  const weights = new Map<string, Weight>();
  const tables = new Map<string, Float32Array>();
  const dispose = (): void => {
    for (const tensor of vectors.values()) tensor.dispose();
    for (const weight of weights.values()) disposeWeight(weight);
    tables.clear();
  };
  try {
    for (const spec of specs) {
      options.signal?.throwIfAborted();
      const entry = file.entries.get(names.get(spec.name) as string);
      const data = await file.readF32(entry?.name as string);
      if (!isFinite32(data)) {
        throw new StudioError(
          'weights-not-finite',
          `${spec.name} in ${label} contains values that are not numbers.`,
          {
            where: spec.name,
            remedy: 'The file is damaged; download it again.',
          },
        );
      }
      if (spec.kind === 'table') tables.set(spec.name, data);
      else if (spec.kind === 'vector') vectors.set(spec.name, tf.keep(tf.tensor1d(data)));
      else weights.set(spec.name, toWeight(spec, data, options.format));
      options.onBytes?.(entry?.sizeBytes ?? 0);
    }
  } catch (error) {
    dispose();
    throw error;
  }
  const source: ParameterSource = {
    vector: (name) => found(vectors, name),
    weight: (name) => found(weights, name),
    table: (name) => found(tables, name),
  };
  return { source, dispose };
}

function toWeight(spec: ParameterSpec, data: Float32Array, format: WeightFormat): Weight {
  const [out, inputs, height, width] = spec.shape as [number, number, number, number];
  if (spec.kind === 'conv') {
    const shape = [out, inputs, height, width] as const;
    return makeWeight(convFromCheckpoint(data, shape), [height, width, inputs, out], format, spec.name);
  }
  return makeWeight(linearFromCheckpoint(data, [out, inputs]), [inputs, out], format, spec.name);
}

function checkNames(
  file: SafetensorsFile,
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

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

function isFinite32(data: Float32Array): boolean {
  // One pass without branches: a sum of x - x is NaN as soon as one value is infinite or NaN.
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i] as number) - (data[i] as number);
  return sum === 0;
}

function found<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined) throw new RangeError(`parameter ${name} was not loaded`);
  return value;
}
