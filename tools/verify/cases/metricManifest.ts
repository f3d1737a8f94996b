// Full-size checkpoints of metrics: every tensor is read once, and nothing is asked for that they do not have.

import * as v from 'valibot';
import { openMetricCheckpoint } from '../../../src/metrics/checkpoint.ts';
import { checkpointReader } from '../../../src/models/checkpointReader.ts';
import { manifestFile } from '../manifestFile.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';

const schema = v.looseObject({ file: v.string(), entries: v.number(), params: v.number() });
const shapes = v.record(v.string(), v.array(v.number()));
const manifestSchema = v.looseObject({
  config: v.record(v.string(), v.unknown()),
  params: v.number(),
  tensors: shapes,
  may_also_be_in_a_file: v.optional(shapes, {}),
  buffers_not_parameters: v.optional(v.array(v.string()), []),
  same_tensor: v.optional(v.record(v.string(), v.string()), {}),
});
export type Manifest = v.InferOutput<typeof manifestSchema>;

export async function runMetricManifest(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const manifest = v.parse(manifestSchema, await io.json(asked.file));
  report.equal('tensors', 'count', Object.keys(manifest.tensors).length, asked.entries);
  report.equal('parameters', 'count', manifest.params, asked.params);
  for (const [id, tensors] of Object.entries(variantsOf(manifest))) {
    const found = await readAll(asked.file, tensors, manifest);
    report.equal(id, 'parameters', found.parameters, asked.params);
    report.equal(id, 'never read', found.never, []);
    report.equal(id, 'read more than once', found.often, []);
  }
}

/** The tensors that a file of this model may have: of two names for one tensor both or either. */
function variantsOf(manifest: Manifest): Record<string, Manifest['tensors']> {
  const { tensors, may_also_be_in_a_file, same_tensor } = manifest;
  const without = (names: readonly string[]): Manifest['tensors'] =>
    Object.fromEntries(Object.entries(tensors).filter(([name]) => !names.includes(name)));
  return {
    'as listed': tensors,
    'and buffers': { ...tensors, ...may_also_be_in_a_file },
    ...(Object.keys(same_tensor).length > 0
      ? {
          'first of a pair': without(Object.keys(same_tensor)),
          'second of a pair': without(Object.values(same_tensor)),
        }
      : {}),
  };
}

/** Reads all parameters as a network is loaded: vectors first. */
export async function readAll(
  name: string,
  tensors: Manifest['tensors'],
  { config, buffers_not_parameters, may_also_be_in_a_file = {}, same_tensor }: Manifest,
): Promise<{ parameters: number; never: string[]; often: string[] }> {
  const { file, reads } = manifestFile(name, tensors);
  const checkpoint = openMetricCheckpoint(file, { json: config, file: name });
  // Names and shapes are compared here.
  checkpointReader(checkpoint.file, checkpoint.specs, name);
  const vectors = checkpoint.specs.filter(({ kind }) => kind === 'vector');
  const others = checkpoint.specs.filter(({ kind }) => kind !== 'vector');
  for (const spec of [...vectors, ...others]) await checkpoint.file.readF32(spec.name);
  const mayStay = new Set([...buffers_not_parameters, ...Object.keys(may_also_be_in_a_file)]);
  const isTwin = (tensor: string): boolean => (same_tensor[tensor] ?? '') in tensors;
  const counts = [...reads];
  return {
    parameters: checkpoint.parameters,
    never: counts.filter(([t, n]) => n === 0 && !mayStay.has(t) && !isTwin(t)).map(([t]) => t),
    often: counts.filter(([, n]) => n > 1).map(([t]) => t),
  };
}
