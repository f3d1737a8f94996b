import { describe, expect, test } from 'vitest';
import { presetSettings } from '../../../../src/contract/presets.ts';
import { setField } from '../../../../src/contract/settings.ts';
import { forecast } from '../../../../src/state/setup/forecast.ts';
import { blendSpeed, readSpeed, type TextStore, writeSpeed } from '../../../../src/state/setup/speed.ts';
import {
  coresOf,
  estimateTime,
  multiplications,
  secondsOf,
} from '../../../../src/state/setup/timeEstimate.ts';

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
    evaluations: 3_860_000,
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

describe('time', () => {
  const report = {
    ref: { kind: 'local', id: 'x' },
    sizeBytes: 1,
    weights: 'f16',
    maxTokens: 77,
    prediction: 'epsilon',
    adapterTargets: 128,
  } as const;
  const parameters = { unet: 866e6, textEncoder: 340e6, vae: 84e6 };
  const large = { ...report, name: 'sd', parameters, imageSize: 512, shapesWorld: false };
  const small = {
    ...report,
    name: 'shapes',
    parameters: { unet: 4.28e6, textEncoder: 0, vae: 0 },
    imageSize: 64,
    shapesWorld: true,
  };
  const storeOf = (speeds: Record<string, number>): TextStore => ({
    getItem: () => JSON.stringify(speeds),
    setItem: () => undefined,
  });

  test('counts 339e9 multiplications for SD 2.1 at 512 pixels and 101e6 for the shapes model', () => {
    expect(multiplications(large, 512)).toBeCloseTo(339e9, -3);
    expect(multiplications(large, 256)).toBeCloseTo(339e9 / 4, -3);
    expect(multiplications(small, 64)).toBeCloseTo(101e6, 0);
  });

  test('is what was measured with the model, else scaled from the shapes model, else assumed', () => {
    const gpu = { name: 'webgpu' } as const;
    expect(estimateTime(storeOf({ 'sd webgpu': 2, 'shapes webgpu': 1 }), large, gpu, 256)).toEqual({
      secondsPerEvaluation: 0.5,
      basis: 'measured',
    });
    const scaled = estimateTime(storeOf({ 'shapes webgpu': 0.01, 'sd wasm': 1 }), large, gpu, 512);
    expect(scaled.basis).toBe('scaled');
    expect(scaled.secondsPerEvaluation).toBeCloseTo((0.01 * 339e9) / 101e6, 6);
    expect(estimateTime(storeOf({}), large, gpu, 512)).toEqual({
      secondsPerEvaluation: expect.closeTo(0.339, 6),
      basis: 'assumed',
    });
  });

  test('of drawing is divided among the cores, of everything else it is not', () => {
    const cost = { samplingEvaluations: 800, evaluations: 1000 };
    expect(secondsOf(cost, { secondsPerEvaluation: 0.01 }, 1)).toBeCloseTo(10, 9);
    expect(secondsOf(cost, { secondsPerEvaluation: 0.01 }, 4)).toBeCloseTo(4, 9);
    const wasm = { name: 'wasm', cores: 4 } as const;
    expect(coresOf({}, small, wasm)).toBe(4);
    expect(coresOf({}, small, { name: 'webgpu' })).toBe(1);
    expect(coresOf({}, { sizeBytes: 2 ** 31 }, wasm)).toBe(1);
    const excited = { method: { name: 'attend-and-excite', options: {} } } as const;
    expect(coresOf(excited, small, wasm)).toBe(1);
  });
});
