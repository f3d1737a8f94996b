// How long a run takes, from what its units take and what was measured before.

import { describe, expect, test } from 'vitest';
import type { LoadPlan } from '../../../../src/contract/loadPlan.ts';
import { presetSettings } from '../../../../src/contract/presets.ts';
import type { BackendReport, ModelReport } from '../../../../src/contract/runTypes.ts';
import { setField } from '../../../../src/contract/settings.ts';
import { forecast } from '../../../../src/state/setup/forecast.ts';
import { coresOf, estimateTime } from '../../../../src/state/setup/timeEstimate.ts';

const model = { name: 'shapes', imageSize: 64, sizeBytes: 2e7 } as ModelReport;
const oneCore = { name: 'wasm', cores: 1 } as BackendReport;
const seconds = { drawn: 0.01, drawnTuned: 0.02, decoded: 0.5, trained: 0.04 };
const plan = (size = 64, parts: 'resident' | 'byPhase' = 'resident') =>
  ({ seconds, settings: { size, parts } }) as Pick<LoadPlan, 'seconds' | 'settings'>;
const plans = { generate: plan(), train: plan() };
const demo = presetSettings('demo');
const prompts = Array.from({ length: 10 }, (_, i) => `prompt ${i}`);
const cost = forecast(demo, prompts, 64, { hasMeters: true });
const storeOf = (speeds: Record<string, number>) => ({
  getItem: () => JSON.stringify(speeds),
  setItem: () => undefined,
});
const estimate = (
  speeds: Record<string, number>,
  { rounds = 1, backend = oneCore, of = cost, by = plans } = {},
) => estimateTime(of, by, { rounds }, { store: storeOf(speeds), model, backend });

describe('before anything was drawn, a run takes', () => {
  test('what the kernels take, part by part', () => {
    const time = estimate({});
    expect(time?.basis).toBe('timed');
    // 80 images of 60 evaluations, each decoded.
    expect(time?.drawing).toBeCloseTo(4800 * 0.01 + 80 * 0.5, 9);
    expect(time?.training).toBeCloseTo(200 * 8 * 3 * 0.04, 9);
    expect(time?.evaluation).toBeCloseTo((cost.judgingEvaluations + cost.redrawnEvaluations) * 0.02, 9);
  });

  test('less where several workers draw, but not for what one of them does', () => {
    const time = estimate({}, { backend: { ...oneCore, cores: 4, threads: 1 } });
    expect(time?.drawing).toBeCloseTo((4800 * 0.01) / 4 + 80 * 0.5, 9);
    expect(time?.training).toBeCloseTo(200 * 8 * 3 * 0.04, 9);
    expect(time?.evaluation).toBeCloseTo((cost.judgingEvaluations + cost.redrawnEvaluations / 4) * 0.02, 9);
  });

  test('longer in rounds that draw with an adapter', () => {
    const of = forecast(setField(demo, 'selection.rounds', 2), prompts, 64, { hasMeters: true });
    expect(estimate({}, { rounds: 2, of })?.drawing).toBeCloseTo(4800 * 0.03 + 160 * 0.5, 9);
  });

  test('nothing for images that are decoded only when somebody looks', () => {
    const by = { ...plans, generate: plan(64, 'byPhase') };
    expect(estimate({}, { by })?.drawing).toBeCloseTo(4800 * 0.01, 9);
  });

  test('an unknown time where no kernel was timed', () => {
    expect(estimate({}, { by: { ...plans, generate: { ...plan(), seconds: {} } } })).toBeNull();
  });
});

test('what was measured sets all parts right, at its own size and at others', () => {
  const timed = estimate({});
  // Twice what the plan says of an evaluation with its share of decoding.
  const speeds = { 'shapes wasm': 2 * (0.01 + 0.5 / 60) };
  const time = estimate(speeds);
  expect(time?.basis).toBe('measured');
  for (const part of ['drawing', 'training', 'evaluation'] as const)
    expect(time?.[part]).toBeCloseTo(2 * (timed?.[part] as number), 9);
  // Four times the pixels in plans that took no longer: the measured speed stands for as many.
  const larger = estimate(speeds, { by: { ...plans, generate: plan(128) } });
  expect(larger?.drawing).toBeCloseTo(8 * (timed?.drawing as number), 9);
});

test('threads are in the kernels’ times, workers come on top', () => {
  const wasm = { name: 'wasm', cores: 4 } as const;
  expect(coresOf({}, model, { ...wasm, threads: 1 })).toBe(4);
  expect(coresOf({}, model, { ...wasm, threads: 4 })).toBe(1);
  expect(coresOf({}, model, { name: 'webgpu' })).toBe(1);
  expect(coresOf({ method: { name: 'attend-and-excite', options: {} } }, model, wasm)).toBe(1);
  // Large models are not copied: their one worker has the threads.
  expect(coresOf({}, { sizeBytes: 2 ** 31 }, { ...wasm, threads: 4 })).toBe(1);
});
