import type { MiTuneSpec } from '../../src/contract/spec.ts';

/** What a run is asked to do, with a value in every field. */
export const spec: MiTuneSpec = {
  version: 1,
  preset: 'custom',
  model: { kind: 'local', id: 'abc' },
  prompts: ['a red cube', 'a red cube', 'ein grüner Würfel'],
  seed: 2 ** 52,
  backend: 'auto',
  sampling: { scheduler: 'ddpm', steps: 20, guidance: 7.5, batch: 4, size: null },
  score: { estimator: 'orthogonal', path: 'guided', weights: 'eq2', truncation: -1, noiseDraws: 4 },
  selection: { candidates: 8, keep: 1, rounds: 2, duplicates: 'keep', seeds: 'distinct', earlyStop: false },
  adapter: { kind: 'dora', rank: 8, textEncoder: false },
  training: {
    batch: 4,
    accumulation: 2,
    learningRate: 1e-4,
    warmup: 0,
    clip: null,
    weightDecay: 0.01,
    flushAtEpochEnd: false,
    iterations: 30,
    freshAdapterEachRound: false,
    validationShare: 0.2,
    keepLast: false,
    checkpointEvery: 5,
    previewEvery: 0,
  },
  realImages: null,
};
