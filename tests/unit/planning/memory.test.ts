// What fits, on a device whose memory is a formula.

import { describe, expect, test } from 'vitest';
import type { PlanSettings } from '../../../src/contract/loadPlan.ts';
import { drawnAtOnce, EVERYTHING_FITS, policyOf, policyOn } from '../../../src/contract/policy.ts';
import { modelShape } from '../../../src/models/shape.ts';
import { parseTextConfig } from '../../../src/models/text/config.ts';
import { parseUnetConfig } from '../../../src/models/unet/config.ts';
import { parseVaeConfig } from '../../../src/models/vae/config.ts';
import {
  defaultSettings,
  frugalSettings,
  makePlan,
  type RowsAsked,
  rowsThatFit,
  withMetrics,
} from '../../../src/planning/memory.ts';
import type { PhaseMemory } from '../../../src/planning/memoryPhases.ts';
import { type ModelConfigs, SD21_BASE, TINY } from '../../../tools/rehearse/modelConfigs.ts';

const MB = 1e6;
const shapeOf = ({ unet, vae, textEncoder }: ModelConfigs) =>
  modelShape({
    unet: parseUnetConfig(unet),
    vae: parseVaeConfig(vae),
    text: parseTextConfig(textEncoder),
  });
const tiny = shapeOf(TINY);
const full = shapeOf(SD21_BASE);

/** 100 MB of weights, and 10 MB for an image of 512 pixels. */
function peakBytes({ batch, size }: PlanSettings): number {
  return 100 * MB + batch * 10 * MB * (size / 512) ** 2;
}
const measure = (settings: PlanSettings): Promise<readonly PhaseMemory[]> =>
  Promise.resolve([
    {
      phase: 'generate',
      peakBytes: peakBytes(settings),
      parts: { unet: 90 * MB, vae: 0, text: 0 },
      adapterBytes: 10 * MB,
      keptBytes: 0,
    },
  ]);
const settings = defaultSettings(full, { backend: 'webgpu', size: 512, batch: 8 });
const plan = (budgetBytes: number, asked = settings, how: RowsAsked['measure'] = measure) =>
  makePlan({
    model: 'full',
    backend: 'webgpu',
    mode: 'generate',
    shape: full,
    settings: asked,
    budgetBytes,
    measure: how,
  });

describe('a model starts', () => {
  test('whole where it is small, at its own size', () => {
    expect(defaultSettings(tiny, { backend: 'webgpu', size: null, batch: 3 })).toEqual({
      size: tiny.unet.sampleSize * tiny.vae.factor,
      batch: 3,
      weights: 'f32',
      parts: 'resident',
      sweep: 'whole',
      decodeBands: 1,
    });
  });

  test('as frugally as it can where it is large, in halves on a GPU alone', () => {
    expect(settings).toEqual(frugalSettings(settings, 'webgpu'));
    expect(settings).toMatchObject({ weights: 'f16', parts: 'byPhase', sweep: 'byStage' });
    expect(defaultSettings(full, { backend: 'wasm', size: 512, batch: 8 }).weights).toBe('f32');
  });
});

describe('a plan', () => {
  test('that fits has rows that add up to its peak and no proposal', async () => {
    const { fits, proposal, rows, peakBytes: peak } = await plan(180 * MB);
    expect([fits, proposal, peak]).toEqual([true, null, 180 * MB]);
    expect(rows.map(({ what, bytes }) => [what, bytes])).toEqual([
      ['UNet weights', 90 * MB],
      ['Adapter', 10 * MB],
      ['Activations, biases and free buffers', 80 * MB],
    ]);
  });

  test('names the images that a method keeps, which take nothing of the device', async () => {
    const kept = (s: PlanSettings) =>
      measure(s).then((phases) => phases?.map((phase) => ({ ...phase, keptBytes: 300 * MB })) ?? null);
    const { fits, peakBytes: peak, rows } = await plan(180 * MB, settings, kept);
    expect([fits, peak]).toEqual([true, 180 * MB]);
    expect(rows.at(-1)).toEqual({
      phase: 'generate',
      what: 'Images kept with their steps, and copies as they are stored',
      where: 'memory',
      precision: 'f32',
      bytes: 300 * MB,
    });
  });

  test('that does not fit proposes fewer images first', async () => {
    const { proposal } = await plan(135 * MB);
    expect(proposal).toEqual({
      settings: { ...settings, batch: 3 },
      peakBytes: 130 * MB,
      changes: ['3 images at a time instead of 8'],
    });
  });

  test('proposes smaller images where not even one fits, and nothing where nothing does', async () => {
    const { proposal } = await plan(106 * MB, { ...settings, batch: 1 });
    expect(proposal?.changes).toEqual(['images of 384 pixels instead of 512']);
    expect((await plan(99 * MB)).proposal).toBeNull();
  });

  test('is impossible where a single buffer is', async () => {
    const impossible = await plan(1e12, settings, () => Promise.resolve(null));
    expect(impossible).toMatchObject({ fits: false, peakBytes: Number.POSITIVE_INFINITY, rows: [] });
  });
});

describe('metrics of a run', () => {
  const phases: readonly PhaseMemory[] = [
    {
      phase: 'generate',
      peakBytes: 900,
      parts: { unet: 600, vae: 0, text: 0 },
      adapterBytes: 0,
      keptBytes: 0,
    },
    {
      phase: 'decode',
      peakBytes: 1000,
      parts: { unet: 600, vae: 100, text: 0 },
      adapterBytes: 0,
      keptBytes: 0,
    },
  ];
  const needs = [
    { name: 'small', bytes: 50 },
    { name: 'large', bytes: 300 },
  ];
  const measured = async (parts: PlanSettings['parts']) =>
    (await withMetrics(async () => phases, needs)({ ...settings, parts }))?.at(-1);

  test('have the device one by one with the decoder where memory is short', async () => {
    expect(await measured('byPhase')).toEqual({
      phase: 'measure',
      peakBytes: 1000 - 600 + 300,
      parts: { unet: 0, vae: 100, text: 0 },
      adapterBytes: 0,
      keptBytes: 0,
      metric: { name: 'large', bytes: 300 },
    });
  });

  test('join the model where all of it is on the device', async () => {
    expect(await measured('resident')).toMatchObject({
      peakBytes: 1000 + 350,
      metric: { name: 'small, large', bytes: 350 },
    });
  });

  test('are a phase of the plan with a row of its own, and none without metrics', async () => {
    const withNeeds = withMetrics(async () => phases, needs);
    const made = await plan(500, { ...settings, parts: 'byPhase' }, withNeeds);
    expect(
      made.rows.filter(({ phase }) => phase === 'measure').map(({ what, bytes }) => [what, bytes]),
    ).toEqual([
      ['Image decoder weights', 100],
      ['Metrics: large', 300],
      ['Activations, biases and free buffers', 300],
    ]);
    expect(made.phases.map(({ phase }) => phase)).toEqual(['generate', 'decode', 'measure']);
    const bare = withMetrics(async () => phases, []);
    expect((await bare(settings))?.map(({ phase }) => phase)).toEqual(['generate', 'decode']);
  });
});

describe('the rows of a run', () => {
  const asked = (batch: number, budgetBytes: number): RowsAsked => ({ batch, measure, budgetBytes });

  test('are the largest that fit, for drawing and training apart', async () => {
    const asks = { generate: asked(8, 155 * MB), train: asked(2, 500 * MB) };
    expect(await rowsThatFit(settings, asks, 1)).toEqual({ drawRows: 5, trainRows: 2 });
    // Two rows for each sample.
    expect(await rowsThatFit(settings, asks, 2)).toEqual({ drawRows: 5, trainRows: 4 });
  });

  test('are one where not even one fits: budgets are guesses', async () => {
    const asks = { generate: asked(8, 1), train: asked(8, 110 * MB) };
    const limits = await rowsThatFit(settings, asks, 1);
    expect(limits).toEqual({ drawRows: 1, trainRows: 1 });
  });

  test('hold also where memory grows unevenly', async () => {
    const uneven = (s: PlanSettings) => measure({ ...s, batch: s.batch > 4 ? s.batch + 3 : s.batch });
    const request = { batch: 8, measure: uneven, budgetBytes: 160 * MB };
    const { drawRows } = await rowsThatFit(settings, { generate: request, train: request }, 1);
    expect(drawRows).toBe(4);
  });

  test('limit a policy where not everything fits', () => {
    const limits = { drawRows: 3, trainRows: 2 };
    expect(policyOf(settings, limits)).toMatchObject({ ...limits, sweep: 'byStage', decodeAtOnce: false });
    const whole = defaultSettings(tiny, { backend: 'wasm', size: null, batch: 8 });
    expect(policyOf(whole, limits)).toBe(EVERYTHING_FITS);
  });

  test('a GPU gets more of a small model at once than a run asks for, never more than fits', () => {
    const adapter = { vendor: 'some', architecture: 'gpu', description: '', software: false };
    const gpu = { name: 'webgpu', adapter } as const;
    const small = policyOn(EVERYTHING_FITS, gpu);
    expect(drawnAtOnce(small, 8)).toBe(32);
    expect(drawnAtOnce(small, 64)).toBe(64);
    const large = policyOf(settings, { drawRows: 3, trainRows: 2 });
    expect(drawnAtOnce(policyOn(large, gpu), 2)).toBe(2);
    expect(drawnAtOnce(policyOn(large, gpu), 8)).toBe(3);
    for (const slow of [
      { name: 'wasm' },
      { name: 'webgpu', adapter: { ...adapter, software: true } },
    ] as const)
      expect(drawnAtOnce(policyOn(EVERYTHING_FITS, slow), 8)).toBe(8);
  });
});
