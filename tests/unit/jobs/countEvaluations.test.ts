// What a run has cost, asked of its method: pool, previews and evaluation alike.

import { expect, test } from 'vitest';
import type { MiTuneSpec } from '../../../src/contract/spec.ts';
import { countEvaluations } from '../../../src/jobs/countEvaluations.ts';
import { evaluationsOfImage } from '../../../src/methods/registry.ts';
import { spec as fullSpec } from '../../helpers/fullSpec.ts';

type State = Parameters<typeof countEvaluations>[0];

/** A run of four steps an image, with two candidates of two prompts, four training steps and previews after two of them. */
function stateOf(over: Partial<MiTuneSpec>): State {
  const spec: MiTuneSpec = {
    ...fullSpec,
    ...over,
    sampling: { ...fullSpec.sampling, scheduler: 'ddpm', steps: 4 },
    score: { ...fullSpec.score, path: 'guided' },
    selection: { ...fullSpec.selection, candidates: 2, keep: 1 },
    training: { ...fullSpec.training, batch: 2, accumulation: 3, previewEvery: 2 },
  };
  const candidates = [0, 0, 1, 1].map((prompt, i) => ({ prompt, candidate: i % 2 }));
  return {
    spec,
    candidates,
    stopped: [],
    train: [1, 2, 3, 4].map((step) => ({ step })),
    validation: [],
    evaluations: [{ errorFall: null, metrics: { exact: {} } }],
    heldOut: [1],
  } as unknown as State;
}

test('guidance alone: two evaluations a step, everywhere', () => {
  const counts = countEvaluations(stateOf({}));
  // Previews before the first step, after the second and the fourth; one held-out prompt with two images.
  expect(counts).toMatchObject({ sampling: 4 * 8, training: 4 * 6 * 3, previews: 3 * 8, evaluation: 2 * 8 });
});

test('previews and evaluation cost what the way of drawing costs', () => {
  const drawnBy = { name: 'attend-and-excite', options: {} };
  const state = stateOf({ drawnBy });
  const image = evaluationsOfImage(state.spec, { drawnBy });
  expect(image).toBeGreaterThan(8);
  expect(countEvaluations(state)).toMatchObject({
    sampling: 4 * image,
    previews: 3 * image,
    evaluation: 2 * image,
  });
});

test('a method that only draws is judged on all prompts, beside guidance alone', () => {
  const method = { name: 'attend-and-excite', options: {} };
  const state = { ...stateOf({ method }), train: [] };
  expect(countEvaluations(state)).toMatchObject({ training: 0, previews: 0, evaluation: 2 * 2 * 8 });
});
