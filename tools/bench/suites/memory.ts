// Device memory of the full-size model by phase: the allocations of the real code at 512 x 512, batch 1 with guidance,
// every buffer really created, nothing dispatched; then the same kind of replay held against real runs of a small model.

import type { PlanMode, PlanPhaseName } from '../../../src/contract/loadPlan.ts';
import { defaultSettings, frugalSettings, withMetrics } from '../../../src/planning/memory.ts';
import { measurePhases, type PhaseMemory, runPhases } from '../../../src/planning/memoryPhases.ts';
import { measureMetric } from '../../../src/planning/metricMemory.ts';
import { type MetricModel, metricModel } from '../../../src/sources/metricModels.ts';
import { tf, type WebGPUBackend } from '../../../src/tensor/tf.ts';
import { activeMeter } from '../../../src/tensor/webgpu/bufferMeter.ts';
import { SD21_BASE, shapeOf, TINY } from '../../rehearse/modelConfigs.ts';
import type { Bench } from '../bench.ts';
import { METRIC_CONFIGS, type MetricConfig } from '../metricConfigs.ts';

export const backend = 'webgpu';

const RANK = 32;
const METRIC_LIMIT = 3e9;
const BUDGETS = { generate: 2.6e9, train: 4.5e9 } as const satisfies Record<PlanMode, number>;

const PHASES = {
  text: 'text encoder',
  generate: 'UNet, one image with guidance',
  decode: 'image decoder beside the UNet',
  measure: 'metric beside the image decoder, the UNet away',
  train: `one step of a rank-${RANK} DoRA`,
} as const satisfies Record<PlanPhaseName, string>;

export async function run(bench: Bench): Promise<void> {
  const drawing = await fullSize(bench, 'generate');
  await fullSize(bench, 'train');
  for (const [id, checkpoint] of Object.entries(METRIC_CONFIGS)) {
    const bytes = await metric(bench, id, checkpoint);
    await besideDecoder(bench, drawing, { name: metricModel(id)?.name ?? id, bytes });
  }
  for (const latents of [8, 16])
    for (const mode of ['generate', 'train'] as const) await held(bench, mode, latents);
}

async function fullSize(bench: Bench, mode: PlanMode): Promise<readonly PhaseMemory[]> {
  const shape = shapeOf(SD21_BASE);
  const settings = defaultSettings(shape, { backend: 'webgpu', size: 512, batch: 1 });
  const { device } = tf.backend() as WebGPUBackend;
  const made = activeMeter();
  made?.restart();
  const phases = await measurePhases(shape, { mode, settings, rank: RANK }, { device });
  const title = `memory of Stable Diffusion 2.1 at 512 x 512, to ${mode}`;
  for (const { phase, peakBytes, parts, adapterBytes } of phases) {
    const weights = parts.unet + parts.vae + parts.text;
    await bench.value(title, `${PHASES[phase]}: weights (f16)`, mega(weights), 'MB');
    if (adapterBytes > 0)
      await bench.value(title, `${PHASES[phase]}: adapter (f32)`, mega(adapterBytes), 'MB');
    const rest = peakBytes - weights - adapterBytes;
    await bench.value(title, `${PHASES[phase]}: all other buffers`, mega(rest), 'MB');
    await bench.value(title, `${PHASES[phase]}: peak`, mega(peakBytes), 'MB');
  }
  const peak = peakOf(phases);
  await bench.value(title, 'peak of all phases', mega(peak), 'MB');
  await bench.value(title, 'buffers created on the device', mega(made?.peakBytes ?? 0), 'MB');
  await bench.value(title, 'budget', mega(BUDGETS[mode]), 'MB');
  if (peak > BUDGETS[mode]) throw new Error(`${title}: ${peak} bytes, the budget is ${BUDGETS[mode]}.`);
  return phases;
}

/** A metric of a full-size run, as the load plan counts it. */
async function besideDecoder(
  bench: Bench,
  drawing: readonly PhaseMemory[],
  need: { readonly name: string; readonly bytes: number },
): Promise<void> {
  const settings = defaultSettings(shapeOf(SD21_BASE), { backend: 'webgpu', size: 512, batch: 1 });
  const phases = (await withMetrics(async () => drawing, [need])(settings)) ?? [];
  const peak = phases.find(({ phase }) => phase === 'measure')?.peakBytes ?? Number.NaN;
  const title = `memory of ${need.name}`;
  await bench.value(title, `${PHASES.measure}: peak`, mega(peak), 'MB');
  if (!(peak <= METRIC_LIMIT)) throw new Error(`${title}: ${peak} bytes with the decoder.`);
}

/** A metric's network at full size, by phase. */
async function metric(bench: Bench, id: string, checkpoint: MetricConfig): Promise<number> {
  const { device } = tf.backend() as WebGPUBackend;
  const { name, deviceBytes } = metricModel(id) as MetricModel;
  const title = `memory of ${name}`;
  const phases = await measureMetric(checkpoint, { device });
  for (const { phase, peakBytes, weightBytes } of phases) {
    await bench.value(title, `${phase}: weights (f16)`, mega(weightBytes), 'MB');
    await bench.value(title, `${phase}: peak`, mega(peakBytes), 'MB');
  }
  const peak = Math.max(...phases.map(({ peakBytes }) => peakBytes));
  await bench.value(title, 'budget', mega(deviceBytes), 'MB');
  if (peak > deviceBytes) throw new Error(`${title}: ${peak} bytes, the page says ${deviceBytes}.`);
  return deviceBytes;
}

/** A replay and a real run of the same code. */
async function held(bench: Bench, mode: PlanMode, latents: number): Promise<void> {
  const shape = shapeOf(TINY);
  const size = latents * shape.vae.factor;
  const settings = frugalSettings(defaultSettings(shape, { backend: 'webgpu', size, batch: 1 }), 'webgpu');
  const request = { mode, settings, rank: 4 };
  const real = await runPhases(shape, request);
  const replayed = await measurePhases(shape, request, { device: (tf.backend() as WebGPUBackend).device });
  const title = `small model at ${latents} x ${latents} latents, to ${mode}`;
  for (const [i, { phase, peakBytes }] of real.entries()) {
    const replay = replayed[i]?.peakBytes ?? 0;
    await bench.value(title, `${phase}: real run`, mega(peakBytes), 'MB');
    await bench.value(title, `${phase}: replay`, mega(replay), 'MB');
    const difference = Math.abs(replay / peakBytes - 1);
    await bench.value(title, `${phase}: difference`, 100 * difference, '%');
    if (difference > 0.05)
      throw new Error(`${title}, ${phase}: ${replay} bytes replayed, ${peakBytes} in fact.`);
  }
}

function peakOf(phases: readonly PhaseMemory[]): number {
  return Math.max(...phases.map((p) => p.peakBytes));
}

function mega(bytes: number): number {
  return Math.round(bytes / 1e4) / 100;
}
