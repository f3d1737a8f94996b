// Samplers: whole trajectories through tensors of the chosen backend, timestep grids, noise tables and noising.

import * as v from 'valibot';
import { addNoise, velocityTarget } from '../../../src/diffusion/parametrization.ts';
import { createSchedule, type NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { parseSchedulerFile, resolveScheduler } from '../../../src/diffusion/schedulerConfig.ts';
import { inferenceTimesteps } from '../../../src/diffusion/timesteps.ts';
import { float32Space } from '../../../src/diffusion/vectorSpace.ts';
import type { SafetensorsFile } from '../../../src/formats/safetensors.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';
import { checkRun, kindSchema, parseFakeModel, runSchema, spacingSchema } from '../schedulerRun.ts';

const entrySchema = v.object({
  io: v.string(),
  timesteps: v.string(),
  constants_f64: v.string(),
  fake_model: v.string(),
  beta_schedule: v.record(v.string(), v.unknown()),
  steps_offset: v.number(),
  set_alpha_to_one: v.boolean(),
  from_config_of_sd21base_scheduler_json: v.optional(
    v.record(v.string(), v.record(v.string(), v.unknown())),
    {},
  ),
  runs: v.array(runSchema),
});
type Entry = v.InferOutput<typeof entrySchema>;

const gridsSchema = v.record(v.string(), v.array(v.number()));
const tablesSchema = v.object({ betas: v.array(v.number()), alphas_cumprod: v.array(v.number()) });
type Tolerance = { atol: number; rtol: number };

export async function runSchedulers(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const parsed = v.parse(entrySchema, entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const fakeModel = parseFakeModel(parsed.fake_model);
  const numbers = await io.safetensors(parsed.io);
  const baseConfig = {
    ...parsed.beta_schedule,
    steps_offset: parsed.steps_offset,
    set_alpha_to_one: parsed.set_alpha_to_one,
  };

  const schedule = await checkTables(parsed, baseConfig, { io, numbers, report, tolerance });
  await checkNoising(schedule, numbers, report, tolerance);
  checkGrids(v.parse(gridsSchema, await io.json(parsed.timesteps)), baseConfig, report);
  checkDefaults(parsed.from_config_of_sd21base_scheduler_json, report);
  for (const run of parsed.runs) await checkRun(run, { baseConfig, fakeModel, numbers, report, tolerance });
}

/** Both precisions of the noise schedule; returns the float32 one. */
async function checkTables(
  entry: Entry,
  baseConfig: object,
  {
    io,
    numbers,
    report,
    tolerance,
  }: { io: OracleFiles; numbers: SafetensorsFile; report: Report; tolerance: Tolerance },
): Promise<NoiseSchedule> {
  const config = resolveScheduler(parseSchedulerFile(baseConfig), 'ddpm');
  const float32 = createSchedule(config, 'float32');
  const float64 = createSchedule(config, 'float64');
  const exact = v.parse(tablesSchema, await io.json(entry.constants_f64));
  report.close('tables', 'betas', float32.betas, await numbers.readF32('betas'), tolerance);
  report.close('tables', 'alphas', float32.alphas, await numbers.readF32('alphas'), tolerance);
  report.close(
    'tables',
    'alphas_cumprod',
    float32.alphasBar,
    await numbers.readF32('alphas_cumprod'),
    tolerance,
  );
  report.close('tables', 'betas f64', float64.betas, exact.betas, tolerance);
  report.close('tables', 'alphas_cumprod f64', float64.alphasBar, exact.alphas_cumprod, tolerance);
  return float32;
}

async function checkNoising(
  schedule: NoiseSchedule,
  numbers: SafetensorsFile,
  report: Report,
  tolerance: Tolerance,
): Promise<void> {
  const [x0, noise, noisy, velocity, timesteps] = await Promise.all(
    ['x0', 'noise', 'noisy', 'velocity', 'timesteps'].map((name) => numbers.readF32(`add_noise.${name}`)),
  );
  if (!x0 || !noise || !noisy || !velocity || !timesteps) return;
  const size = x0.length / timesteps.length;
  timesteps.forEach((t, i) => {
    const part = (values: Float32Array) => values.subarray(i * size, (i + 1) * size);
    const id = `add_noise t=${t}`;
    const [z0, eps] = [part(x0), part(noise)];
    report.close(id, 'noisy', addNoise(float32Space, schedule, t, z0, eps), part(noisy), tolerance);
    report.close(
      id,
      'velocity',
      velocityTarget(float32Space, schedule, t, z0, eps),
      part(velocity),
      tolerance,
    );
  });
}

/** Lists under keys such as `ddim.leading.50`, step counts included that no run uses. */
function checkGrids(grids: Readonly<Record<string, number[]>>, baseConfig: object, report: Report): void {
  for (const [key, expected] of Object.entries(grids)) {
    const [kindText, spacingText, steps] = key.split('.');
    const kind = v.parse(kindSchema, kindText);
    const spacing = v.parse(spacingSchema, spacingText);
    const config = resolveScheduler(parseSchedulerFile(baseConfig), kind, { spacing });
    report.equal('timestep grids', key, inferenceTimesteps(kind, config, Number(steps)), expected);
  }
}

const builtSpacing = 'timestep_spacing_when_built_from_a_loaded_PNDM_config';

/** A file without spacing, written for one class and used with another, takes that other class's default. */
function checkDefaults(classes: Readonly<Record<string, Record<string, unknown>>>, report: Report): void {
  for (const [className, expected] of Object.entries(classes)) {
    const { timestep_spacing: _, [builtSpacing]: spacing, ...settings } = expected;
    const file = parseSchedulerFile({ ...settings, _class_name: className });
    if (file.kind === null) {
      report.fail('class defaults', className, 'is not a sampler of this app');
      continue;
    }
    const config = resolveScheduler(file, file.kind);
    report.equal('class defaults', `${className} spacing`, config.spacing, spacing);
    report.equal('class defaults', `${className} prediction`, config.prediction, expected.prediction_type);
  }
}
