// UNet2DConditionModel: outputs for every input and timestep, and the activations between its stages.

import * as v from 'valibot';
import type { SafetensorsFile } from '../../../src/formats/safetensors.ts';
import { runUnet, type Unet, unetInput } from '../../../src/models/unet/run.ts';
import { timestepEmbedding } from '../../../src/models/unet/timestep.ts';
import type { Tensor4D } from '../../../src/tensor/tf.ts';
import { loadUnet } from '../models.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';
import { readImage, readTokens, scaled, takeImage } from '../tensors.ts';

const schema = v.looseObject({
  config: v.string(),
  weights: v.string(),
  io: v.string(),
  activations: v.optional(v.string()),
  activation_runs: v.optional(v.array(v.looseObject({ id: v.string(), prefix: v.string() })), []),
  params: v.optional(v.number()),
  cases: v.array(
    v.looseObject({
      id: v.string(),
      sample: v.string(),
      timestep: v.union([v.number(), v.array(v.number())]),
      encoder_hidden_states: v.string(),
      out: v.string(),
    }),
  ),
});
type UnetCase = v.InferOutput<typeof schema>['cases'][number];

export async function runUnetCases(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const { model: unet, dispose } = await loadUnet(io, asked);
  try {
    const file = await io.safetensors(asked.io);
    for (const one of asked.cases) {
      const out = await runCase(unet, file, one);
      report.close(one.id, 'output', await takeImage(out), await file.readF32(one.out), tolerance);
    }
    if (asked.activations === undefined) return;
    const activations = await io.safetensors(asked.activations);
    for (const run of asked.activation_runs) {
      const one = asked.cases.find((c) => c.id === run.id);
      if (one === undefined) report.fail(run.id, 'activations', 'its run is not among the cases');
      else
        await compareActivations({
          unet,
          file,
          one,
          activations,
          prefix: run.prefix,
          report,
          atol: tolerance.atol,
        });
    }
  } finally {
    dispose();
  }
}
export { runUnetCases as runUnet };

async function withInput<T>(
  unet: Unet,
  file: SafetensorsFile,
  one: UnetCase,
  use: (zt: Tensor4D, input: ReturnType<typeof unetInput>) => T | Promise<T>,
): Promise<T> {
  const zt = await readImage(file, one.sample);
  const context = await readTokens(file, one.encoder_hidden_states);
  const input = unetInput(unet, one.timestep, context, {});
  try {
    return await use(zt, input);
  } finally {
    for (const tensor of [zt, context, input.temb]) tensor?.dispose();
  }
}

function runCase(unet: Unet, file: SafetensorsFile, one: UnetCase): Promise<Tensor4D> {
  return withInput(unet, file, one, (zt, input) => runUnet(unet, zt, input));
}

async function compareActivations(c: {
  unet: Unet;
  file: SafetensorsFile;
  one: UnetCase;
  activations: SafetensorsFile;
  prefix: string;
  report: Report;
  atol: number;
}): Promise<void> {
  const before = c.report.rows.length;
  const compare = async (module: string, values: Float32Array): Promise<void> => {
    const name = c.prefix + module;
    if (!c.activations.entries.has(name)) return;
    const expected = await c.activations.readF32(name);
    c.report.close(c.one.id, module, values, expected, { atol: scaled(c.atol, expected) });
  };
  const { config } = c.unet.weights;
  const t = typeof c.one.timestep === 'number' ? [c.one.timestep] : c.one.timestep;
  const rows = (c.activations.entries.get(`${c.prefix}time_proj`)?.shape[0] ?? 1) as number;
  const timesteps = Array.from({ length: rows }, (_, i) => t[i % t.length] as number);
  await compare('time_proj', timestepEmbedding(timesteps, config.channels[0] as number, config));
  await withInput(c.unet, c.file, c.one, async (zt, input) => {
    for (const stage of c.unet.stages) {
      for (const module of modulesEndingWith(stage.name)) {
        if (!c.activations.entries.has(c.prefix + module)) continue;
        await compare(module, await takeImage(runUnet(c.unet, zt, input, stage.name)));
      }
    }
  });
  if (c.report.rows.length === before)
    c.report.fail(c.one.id, 'activations', `the file has none that begin with "${c.prefix}"`);
}

/** Names under which a stage's output is known upstream: the resnet's own only where no attention follows it. */
function modulesEndingWith(stage: string): readonly string[] {
  const attention = stage.replace('.resnets.', '.attentions.');
  return attention === stage ? [stage] : [attention];
}
