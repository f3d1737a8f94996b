// MI of a candidate on the other backend: the same within rounding, and noticed where it is not.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CandidateRecord } from '../../../src/contract/events.ts';
import type { MiTuneSpec } from '../../../src/contract/spec.ts';
import { openStudio, type Studio } from './studio.ts';

let wasm: Studio;
let webgpu: Studio;
let spec: MiTuneSpec;
let drawn: CandidateRecord;
beforeAll(async () => {
  wasm = await openStudio('wasm');
  webgpu = await openStudio('webgpu');
  const runId = await wasm.create({ prompts: ['a red cat'], sampling: { steps: 12 } });
  await wasm.run(runId, 'pool');
  const state = await wasm.state(runId);
  spec = state.spec;
  drawn = state.candidates[0] as CandidateRecord;
});
afterAll(async () => {
  await wasm.dispose();
  await webgpu.dispose();
});

function recheck(studio: Studio, squaredDifference: readonly number[], steps = 12) {
  const { prompt, seed } = drawn;
  return studio.client.call('recheck', { spec, prompt, seed, squaredDifference, steps });
}

test('the backend that drew it finds the very same numbers', async () => {
  const same = await recheck(wasm, drawn.trace.squaredDifference, 5);
  expect(same).toMatchObject({ steps: 5, difference: 0, agrees: true });
});

test('the other backend finds them within rounding', async () => {
  const other = await recheck(webgpu, drawn.trace.squaredDifference);
  expect(other.agrees).toBe(true);
  expect(other.difference).toBeGreaterThan(0);
  expect(other.difference).toBeLessThan(1e-3);
});

test('a wrong term is noticed, and named', async () => {
  const { t, squaredDifference } = drawn.trace;
  const wrong = squaredDifference.with(3, (squaredDifference[3] as number) * 1.2);
  const other = await recheck(webgpu, wrong);
  expect(other).toMatchObject({ agrees: false, t: t[3] });
  expect(other.difference).toBeCloseTo(1 / 6, 2);
});

test('a disagreement is kept with the run', async () => {
  const runId = await wasm.create({ prompts: ['a red cat'] });
  const report = { code: 'backends-disagree', message: 'They do.', remedy: 'Look.' };
  await wasm.client.call('keepWarning', { runId, report });
  expect((await wasm.state(runId)).warnings).toEqual([report]);
});
