import type { WeightFormat } from '../contract/backend.ts';
import type { TensorFile } from '../formats/tensorFile.ts';
import { checkpointReader } from './checkpointReader.ts';
import type { ParameterSource, ParameterSpec } from './parameters.ts';
import { Part, type ReadOptions } from './part.ts';

type LoadedParameters = { readonly source: ParameterSource; dispose(): void };

type LoadOptions = ReadOptions & {
  /** Precision frozen matrices are kept at; vectors are always f32. */
  readonly format: WeightFormat;
  /** Maps a name in the file to the name in the specs. */
  readonly rename?: (name: string) => string;
};

/**
 * Reads every tensor of `specs` from a checkpoint, one at a time, and brings it to the backend.
 * @throws StudioError `weights-mismatch` naming missing, extra and mis-shaped tensors; `weights-not-finite`
 */
export async function loadParameters(
  file: TensorFile,
  specs: readonly ParameterSpec[],
  label: string,
  { format, rename, ...options }: LoadOptions,
): Promise<LoadedParameters> {
  const reader = checkpointReader(file, specs, label, rename);
  const part = await Part.open(reader, specs, { format, stays: true }, options);
  try {
    await part.load(options);
  } catch (error) {
    part.dispose();
    throw error;
  }
  return { source: part.source, dispose: () => part.dispose() };
}
