import { expect, test } from 'vitest';
import { presetSettings } from '../../../../src/contract/presets.ts';
import { setField } from '../../../../src/contract/settings.ts';
import { forecast } from '../../../../src/state/setup/forecast.ts';
import { blendSpeed, readSpeed, type TextStore, writeSpeed } from '../../../../src/state/setup/speed.ts';

const prompts = Array.from({ length: 10 }, (_, i) => `prompt ${i}`);
const paper = presetSettings('paper');

test('the paper’s color category costs what its settings say', () => {
  // 700 prompts x 50 candidates x 50 steps x 2 evaluations; 300 steps x 400 images, forward and backward
  const colors = Array.from({ length: 700 }, (_, i) => `prompt ${i}`);
  expect(forecast(paper, colors, 512)).toMatchObject({
    images: 35_000,
    heldOut: 70,
    samplingEvaluations: 3_500_000,
    scoringEvaluations: 0,
    trainedImages: 120_000,
    trainingEvaluations: 360_000,
    // 31 validations of 8 images x 5 timesteps x 2, 31 previews of 20 steps x 2, and 12 images x 32 draws x 4
    judgingEvaluations: 31 * 80 + 31 * 40 + 12 * 32 * 4,
    redrawnEvaluations: 0,
    evaluations: 3_860_000 + 31 * 80 + 31 * 40 + 12 * 32 * 4,
  });
});

test('what is measured by metrics is drawn again for the comparison, in every round', () => {
  const rounds = setField(paper, 'selection.rounds', 2);
  // One of ten prompts is held out, with the first 8 of its candidates.
  expect(forecast(rounds, prompts, 64, { hasMeters: true }).redrawnEvaluations).toBe(2 * 8 * 50 * 2);
  const methods = { method: { name: 'attend-and-excite', options: {} } };
  // What only draws is held against guidance alone, on all prompts, measured or not.
  expect(forecast(rounds, prompts, 64, { methods })).toMatchObject({
    trainingEvaluations: 0,
    judgingEvaluations: 0,
    redrawnEvaluations: 10 * 8 * 50 * 2,
  });
});

test('rounds, noise draws and repeated prompts count', () => {
  const twice = forecast(setField(paper, 'selection.rounds', 2), prompts, 64);
  expect(twice.samplingEvaluations).toBe(2 * forecast(paper, prompts, 64).samplingEvaluations);
  const renoised = setField(setField(paper, 'score.path', 'renoise'), 'score.noiseDraws', 3);
  expect(forecast(renoised, prompts, 64).scoringEvaluations).toBe(10 * 50 * 50 * 2 * 3);
  const repeated = [...prompts, ...prompts];
  expect(forecast(paper, repeated, 64).prompts).toBe(20);
  expect(forecast(setField(paper, 'selection.duplicates', 'collapse'), repeated, 64).prompts).toBe(10);
});

test('early stopping saves 35% of drawing a prompt that trains, and images on the disk', () => {
  const demo = presetSettings('demo');
  const thinned = setField(demo, 'selection.earlyStop', true);
  const [all, some] = [forecast(demo, prompts, 64), forecast(thinned, prompts, 64)];
  // Of ten prompts two are held out; of eight candidates four end after 9 of 30 steps.
  expect(some.samplingEvaluations).toBe(all.samplingEvaluations - 8 * 4 * 21 * 2);
  expect([all.savedShare, some.savedShare]).toEqual([0, expect.closeTo(0.8 * 0.35, 12)]);
  expect(some.evaluations).toBe(all.evaluations - 8 * 4 * 21 * 2);
  expect(some.storedBytes / all.storedBytes).toBeCloseTo((80 - 32) / 80, 12);
  // What is not finished is not noised again either.
  const again = { ...thinned, score: { ...thinned.score, path: 'renoise' } } as const;
  expect(forecast(again, prompts, 64).scoringEvaluations).toBe((80 - 32) * 60);
  // What a way of drawing adds may all fall on the first steps: of it nothing is saved.
  const drawnBy = { name: 'attend-and-excite', options: {} };
  const saved =
    forecast(demo, prompts, 64, { methods: { drawnBy } }).samplingEvaluations -
    forecast(thinned, prompts, 64, { methods: { drawnBy } }).samplingEvaluations;
  expect(saved).toBe(8 * 4 * 21 * 2);
});

test('a list of one prompt holds nothing out', () => {
  expect(forecast(paper, ['only'], 64).heldOut).toBe(0);
});

test('stored latents have four channels at an eighth of the size', () => {
  // 8 x 8 x 4 numbers of 4 bytes, and 50 steps of 8 bytes
  expect(forecast(paper, ['only'], 64).storedBytes).toBe(50 * (8 * 8 * 4 * 4 + 50 * 8));
});

function memoryStore(text: string | null = null): TextStore {
  let value = text;
  return {
    getItem: () => value,
    setItem: (_key, next) => {
      value = next;
    },
  };
}

test('measured speeds are kept apart by model and backend', () => {
  const store = memoryStore();
  writeSpeed(store, 'shapes', 'wasm', 0.02);
  writeSpeed(store, 'shapes', 'webgpu', 0.001);
  expect(readSpeed(store, 'shapes', 'wasm')).toBe(0.02);
  expect(readSpeed(store, 'sd', 'wasm')).toBeNull();
});

test('unreadable storage means that nothing was measured', () => {
  expect(readSpeed(memoryStore('{'), 'shapes', 'wasm')).toBeNull();
  expect(readSpeed(memoryStore('{"shapes wasm":"fast"}'), 'shapes', 'wasm')).toBeNull();
});

test('a new measurement moves the mean by three tenths of the way', () => {
  expect(blendSpeed(null, 2)).toBe(2);
  expect(blendSpeed(1, 2)).toBeCloseTo(1.3, 12);
});
