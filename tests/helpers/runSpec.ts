// Specs of runs that are done in seconds with the tiny model.

import type { BackendName } from '../../src/contract/backend.ts';
import type { MiTuneSpec, ModelRef } from '../../src/contract/spec.ts';

export type SpecChange = {
  readonly [K in keyof MiTuneSpec]?: MiTuneSpec[K] extends object ? Partial<MiTuneSpec[K]> : MiTuneSpec[K];
};

/** Five lines with four texts; one text is held out. */
export const PROMPTS = ['a red cat', 'the dog', 'a red cat', 'one bird', 'no fish'] as const;

/** Changes are merged one level deep. */
export function specOf(model: ModelRef, backend: BackendName, change: SpecChange): MiTuneSpec {
  const base: MiTuneSpec = {
    version: 1,
    preset: 'custom',
    model,
    prompts: PROMPTS,
    seed: 7,
    backend,
    sampling: { scheduler: 'ddpm', steps: 3, guidance: 3, batch: 2, size: null },
    score: { estimator: 'orthogonal', path: 'guided', weights: 'code', truncation: 50, noiseDraws: 2 },
    selection: { candidates: 3, keep: 1, rounds: 1, duplicates: 'keep', seeds: 'distinct', earlyStop: false },
    adapter: { kind: 'dora', rank: 2, textEncoder: false },
    training: {
      iterations: 5,
      batch: 2,
      accumulation: 1,
      learningRate: 1e-2,
      warmup: 0,
      clip: 1,
      weightDecay: 1e-2,
      flushAtEpochEnd: false,
      freshAdapterEachRound: false,
      validationShare: 0.25,
      keepLast: false,
      checkpointEvery: 2,
      previewEvery: 0,
    },
    realImages: null,
  };
  const merged = Object.entries(change).map(([key, value]) => {
    const old = base[key as keyof MiTuneSpec];
    const mergeable = isPlain(old) && isPlain(value);
    return [key, mergeable ? { ...old, ...value } : value];
  });
  return { ...base, ...Object.fromEntries(merged) } as MiTuneSpec;
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
