// Parameter lists of full-size models: ours must ask for exactly those tensors, each once, with those shapes.

import * as v from 'valibot';
import { countParameters, type ParameterSpec, recordParameters } from '../../../src/models/parameters.ts';
import { parseTextConfig } from '../../../src/models/text/config.ts';
import { buildTextEncoder } from '../../../src/models/text/weights.ts';
import { parseUnetConfig } from '../../../src/models/unet/config.ts';
import { buildUnet } from '../../../src/models/unet/weights.ts';
import { parseVaeConfig } from '../../../src/models/vae/config.ts';
import { buildVae, renameOldVaeKey } from '../../../src/models/vae/weights.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';

const entrySchema = v.looseObject({
  file: v.string(),
  entries: v.number(),
  params: v.number(),
  expected: v.optional(v.number()),
});
const fileSchema = v.looseObject({
  config: v.record(v.string(), v.unknown()),
  params: v.number(),
  tensors: v.record(v.string(), v.array(v.number())),
  deprecated_attention_names_to_current: v.optional(v.record(v.string(), v.string()), {}),
});

export async function runManifest(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(entrySchema, entry);
  const manifest = v.parse(fileSchema, await io.json(asked.file));
  const specs = expectedParameters(manifest.config, asked.file);
  const line = (name: string, shape: readonly number[]): string => `${name} [${shape}]`;
  const ours = specs.map((s) => line(s.name, s.shape)).sort();
  const theirs = Object.entries(manifest.tensors)
    .map(([name, shape]) => line(name, shape))
    .sort();
  report.equal('tensors', 'count', specs.length, asked.entries);
  report.equal('tensors', 'each asked for once', new Set(specs.map((s) => s.name)).size, specs.length);
  report.equal(
    'tensors',
    'names and shapes: ours alone',
    ours.filter((x) => !theirs.includes(x)),
    [],
  );
  report.equal(
    'tensors',
    'names and shapes: theirs alone',
    theirs.filter((x) => !ours.includes(x)),
    [],
  );
  report.equal('parameters', 'count', countParameters(specs), asked.expected ?? asked.params);
  for (const [old, current] of Object.entries(manifest.deprecated_attention_names_to_current)) {
    report.equal('old names', old, renameOldVaeKey(old), current);
  }
}

/** The list for whichever of the three networks the config describes. */
function expectedParameters(config: Record<string, unknown>, file: string): readonly ParameterSpec[] {
  if ('vocab_size' in config) {
    const parsed = parseTextConfig(config, file);
    return recordParameters((p) => buildTextEncoder(parsed, p));
  }
  if ('latent_channels' in config) {
    const parsed = parseVaeConfig(config, file);
    return recordParameters((p) => buildVae(parsed, p));
  }
  const parsed = parseUnetConfig(config, file);
  return recordParameters((p) => buildUnet(parsed, p));
}
