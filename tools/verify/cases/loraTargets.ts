// The layers that adapters sit on in a full-size UNet, and how many parameters that makes per rank.

import * as v from 'valibot';
import { recordParameters } from '../../../src/models/parameters.ts';
import { parseUnetConfig } from '../../../src/models/unet/config.ts';
import { unetTargets } from '../../../src/models/unet/stages.ts';
import { buildUnet } from '../../../src/models/unet/weights.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';

const entrySchema = v.looseObject({
  file: v.string(),
  linears: v.number(),
  transformer_blocks: v.number(),
  trainable: v.record(v.string(), v.looseObject({ lora_total: v.number(), dora_total: v.number() })),
});
const fileSchema = v.looseObject({
  linears: v.array(v.looseObject({ name: v.string(), in: v.number(), out: v.number() })),
  transformer_blocks: v.array(v.string()),
});
const manifestSchema = v.looseObject({ file: v.string() });
const configSchema = v.looseObject({
  config: v.looseObject({ block_out_channels: v.optional(v.array(v.number())) }),
});

export async function runLoraTargets(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(entrySchema, entry);
  const listed = v.parse(fileSchema, await io.json(asked.file));
  const config = parseUnetConfig(await unetConfig(io));
  const shapes = new Map(recordParameters((p) => buildUnet(config, p)).map((s) => [s.name, s.shape]));
  // Built on the recording source the weights are absent, but the layers carry their names.
  let names: readonly string[] = [];
  recordParameters((p) => {
    names = unetTargets(buildUnet(config, p)).map((layer) => layer.name);
  });
  const ours = names.map((name) => {
    const [out, inputs] = shapes.get(`${name}.weight`) as [number, number];
    return { name, in: inputs, out };
  });
  const byName = (a: { name: string }, b: { name: string }): number => a.name.localeCompare(b.name);
  report.equal('linears', 'count', ours.length, asked.linears);
  report.equal(
    'linears',
    'names and sizes',
    [...ours].sort(byName),
    listed.linears.map((l) => ({ name: l.name, in: l.in, out: l.out })).sort(byName),
  );
  const blocks = new Set(ours.map((l) => l.name.replace(/\.attn\d\..*$/, '')));
  report.equal('transformer blocks', 'names', [...blocks].sort(), [...listed.transformer_blocks].sort());
  report.equal('transformer blocks', 'count', blocks.size, asked.transformer_blocks);
  const magnitudes = ours.reduce((sum, l) => sum + l.out, 0);
  for (const [rank, counts] of Object.entries(asked.trainable)) {
    const lora = ours.reduce((sum, l) => sum + Number(rank) * (l.in + l.out), 0);
    report.equal(`rank ${rank}`, 'LoRA parameters', lora, counts.lora_total);
    report.equal(`rank ${rank}`, 'DoRA parameters', lora + magnitudes, counts.dora_total);
  }
}

/** The config of the manifest that describes a UNet. */
async function unetConfig(io: OracleFiles): Promise<unknown> {
  for (const entry of io.index.cases.filter((c) => c.kind === 'manifest')) {
    const { config } = v.parse(configSchema, await io.json(v.parse(manifestSchema, entry).file));
    if ('cross_attention_dim' in config) return config;
  }
  throw new Error('the index has no manifest of a UNet');
}
