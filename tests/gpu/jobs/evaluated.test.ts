// The pictures by which a run is judged: kept, shown again, and the same however often the drawing was stopped.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobEvent } from '../../../src/contract/events.ts';
import { mean } from '../../../src/lib/stats.ts';
import { openStudio, type Studio } from './studio.ts';

const CHANGE = {
  model: { kind: 'url', base: 'models/shapes/' },
  prompts: ['a red circle', 'a blue square', 'a red circle above a blue square', 'a green star'],
  sampling: { steps: 4, batch: 2, guidance: 3 },
  selection: { candidates: 2 },
  training: { iterations: 2, batch: 2, learningRate: 5e-2, validationShare: 0.5, checkpointEvery: 2 },
} as const;

let studio: Studio;
beforeAll(async () => {
  studio = await openStudio('wasm');
  await studio.client.call('loadModel', { ref: CHANGE.model });
});
afterAll(() => studio.dispose());

const pairsOf = (runId: string) => studio.client.call('evaluated', { runId, round: 0 });

it('are there after the run, before and after on the same seeds', async () => {
  const runId = await studio.create(CHANGE);
  expect(await pairsOf(runId)).toEqual([]);
  await studio.run(runId);
  const { candidates, evaluations, heldOut, spec } = await studio.state(runId);
  const pairs = await pairsOf(runId);
  expect(pairs).toHaveLength(heldOut.length * 2);
  expect(new Set(pairs.map((pair) => pair.prompt))).toEqual(
    new Set(heldOut.map((prompt) => spec.prompts[prompt])),
  );
  for (const pair of pairs) {
    const candidate = candidates.find((c) => c.seed === pair.seed && spec.prompts[c.prompt] === pair.prompt);
    expect(pair.metricsBefore).toEqual(candidate?.metrics);
    expect(pair.scoreBefore).toBeCloseTo(candidate?.score as number, 4);
    expect(pair.after.rgba).not.toEqual(pair.before.rgba);
  }
  const exact = evaluations[0]?.metrics.exact;
  expect(exact?.after.images).toBe(pairs.length);
  const meanOf = (side: 'metricsBefore' | 'metricsAfter') =>
    mean(pairs.map((pair) => pair[side].exact?.value as number));
  expect(exact?.before.value).toBeCloseTo(meanOf('metricsBefore'), 12);
  expect(exact?.after.value).toBeCloseTo(meanOf('metricsAfter'), 12);

  const stopped = await studio.create(CHANGE);
  const isBetween = (event: JobEvent): boolean =>
    event.type === 'progress' && event.stage === 'evaluate' && event.total - event.done <= pairs.length - 2;
  await studio.runUntilEvent(stopped, isBetween);
  expect((await studio.state(stopped)).evaluations).toEqual([]);
  await studio.run(stopped);
  expect(await pairsOf(stopped)).toEqual(pairs);
  expect((await studio.state(stopped)).evaluations).toEqual(evaluations);

  // Trained on other pictures, which ends at the same step: the pictures are the new adapter's.
  const { selections } = await studio.state(stopped);
  const picks = (selections[0]?.picks ?? []).map(({ prompt, candidate }) => ({
    prompt,
    candidate: 1 - candidate,
  }));
  await studio.client.call('setSelection', { runId: stopped, round: 0, picks });
  await studio.run(stopped);
  const others = await pairsOf(stopped);
  expect(others.map((pair) => pair.before)).toEqual(pairs.map((pair) => pair.before));
  expect(others.map((pair) => pair.after)).not.toEqual(pairs.map((pair) => pair.after));
});
