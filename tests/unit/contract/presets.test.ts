import { describe, expect, test } from 'vitest';
import { PRESETS, type Preset, presetSettings, presetsFor } from '../../../src/contract/presets.ts';

describe('presets', () => {
  // methods: MI-TUNE, section 4 and appendix of the paper.
  test('of the paper are its numbers', () => {
    const { sampling, score, selection, adapter, training } = presetSettings('paper');
    expect(sampling).toMatchObject({ scheduler: 'ddpm', guidance: 7.5 });
    expect(score).toMatchObject({ estimator: 'orthogonal', path: 'guided', weights: 'eq2' });
    expect(selection).toMatchObject({ candidates: 50, keep: 1, rounds: 1 });
    expect(adapter).toEqual({ kind: 'dora', rank: 32, textEncoder: false });
    expect(training).toMatchObject({ iterations: 300, learningRate: 1e-4, warmup: 0, weightDecay: 0.01 });
    expect(training.batch * training.accumulation).toBe(400);
  });

  test('of the official code deviate from the paper as the released scripts do', () => {
    const [paper, code] = [presetSettings('paper'), presetSettings('official-code')];
    expect(code.sampling.steps).toBe(100);
    expect(code.score).toMatchObject({ weights: 'code', truncation: 50 });
    expect(code.selection).toMatchObject({ duplicates: 'collapse', seeds: 'shared' });
    expect(code.adapter).toEqual({ ...paper.adapter, kind: 'lora' });
    expect(code.training).toMatchObject({ clip: null, flushAtEpochEnd: true, freshAdapterEachRound: true });
  });

  test('have one entry each, and no other names', () => {
    expect(PRESETS.map((p) => p.name)).toEqual(['demo', 'paper', 'official-code']);
    expect(() => presetSettings('fast' as never)).toThrow('fast');
  });

  test('are the paper’s for models of images, with the demo for the shapes model alone', () => {
    expect(presetsFor({ shapesWorld: true }).map((p) => p.name)).toEqual(['demo', 'paper', 'official-code']);
    const [first, ...others] = presetsFor({ shapesWorld: false });
    expect([first?.name, ...others.map((p) => p.name)]).toEqual(['paper', 'official-code']);
    const { sampling, selection, adapter, training } = (first as Preset).settings;
    expect([sampling.guidance, sampling.steps, selection.candidates, adapter.rank]).toEqual([
      7.5, 50, 50, 32,
    ]);
    expect([training.iterations, training.batch * training.accumulation]).toEqual([300, 400]);
  });
});
