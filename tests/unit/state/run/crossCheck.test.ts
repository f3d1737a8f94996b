import { expect, test, vi } from 'vitest';
import type { CandidateRecord, JobEvent } from '../../../../src/contract/events.ts';
import type { Recheck } from '../../../../src/contract/protocol.ts';
import type { ModelRef } from '../../../../src/contract/spec.ts';
import type { ErrorReport } from '../../../../src/lib/errors.ts';
import { affordableSteps, CHECKED_OF, CrossCheck } from '../../../../src/state/run/crossCheck.ts';
import { spec } from '../../../helpers/fullSpec.ts';

const T = [900, 500, 100];
const record = (candidate: number, round = 0): CandidateRecord => ({
  round,
  prompt: 1,
  candidate,
  seed: candidate,
  trace: { t: T, squaredDifference: [1, 2, 3] },
  score: 1,
  standardError: null,
  metrics: {},
});
const candidates = (from: number, count: number, round = 0): JobEvent => ({
  type: 'candidates',
  records: Array.from({ length: count }, (_, i) => record(from + i, round)),
  images: [],
});

function open({
  other = 'wasm',
  found = {},
  memoryGb = 8,
  sizeBytes = 1e6,
  ref = { kind: 'local', id: 'x' },
}: {
  other?: string;
  found?: Partial<Recheck>;
  memoryGb?: number;
  sizeBytes?: number;
  ref?: ModelRef;
} = {}) {
  let seconds = 0;
  const calls: { name: string; args: unknown }[] = [];
  const warnings: ErrorReport[] = [];
  const dispose = vi.fn();
  const call = async (name: string, args: unknown) => {
    calls.push({ name, args });
    if (name === 'open') return { name: other };
    if (name === 'loadModel') return {};
    return { steps: 1, seconds: 0.01, t: 500, difference: 0, agrees: true, ...found };
  };
  const check = new CrossCheck(
    {
      runId: 'r',
      spec,
      backend: 'webgpu',
      model: { ref, sizeBytes },
    },
    {
      start: () => ({ call: call as never, dispose }),
      now: () => seconds,
      memoryGb,
      warn: async (_, report) => warnings.push(report),
    },
  );
  const settle = () => new Promise((done) => setTimeout(done));
  return {
    check,
    calls,
    warnings,
    dispose,
    at: (now: number) => {
      seconds = now;
    },
    settle,
    asked: () => calls.filter(({ name }) => name === 'recheck').map(({ args }) => args),
  };
}

test('one candidate in a hundred of the first round is computed again', async () => {
  const { check, at, settle, asked } = open();
  at(1000);
  check.receive(candidates(0, CHECKED_OF - 1));
  check.receive(candidates(0, 500, 1));
  await settle();
  expect(asked()).toEqual([]);
  check.receive(candidates(99, 2));
  await settle();
  expect(asked()).toMatchObject([{ prompt: 1, seed: 99, squaredDifference: [1, 2, 3], steps: 1 }]);
  check.receive(candidates(101, CHECKED_OF));
  await settle();
  // How long a step takes is known by now.
  expect(asked()[1]).toMatchObject({ seed: 199, steps: T.length });
});

test('it waits until its time is a small share of the time of drawing', async () => {
  const { check, at, settle, asked } = open();
  check.receive(candidates(0, CHECKED_OF));
  await settle();
  expect(asked()).toEqual([]);
  at(60);
  check.receive(candidates(100, 1));
  await settle();
  expect(asked()).toHaveLength(1);
});

test('the share is at most 1.5%', () => {
  expect(affordableSteps(1000, 0, 1, 50)).toBe(15);
  expect(affordableSteps(1000, 14.5, 1, 50)).toBe(0);
  expect(affordableSteps(1e6, 0, 1, 50)).toBe(50);
  expect(affordableSteps(1000, 15, null, 50)).toBe(0);
});

test('a disagreement is a warning of the run', async () => {
  const { check, at, settle, warnings } = open({ found: { agrees: false, difference: 0.4, steps: 2 } });
  at(1000);
  check.receive(candidates(0, CHECKED_OF));
  await settle();
  expect(warnings).toMatchObject([{ code: 'backends-disagree' }]);
  expect(warnings[0]?.message).toContain('Image 100 of prompt 2');
  expect(warnings[0]?.message).toContain('t = 500');
  expect(warnings[0]?.message).toContain('40% off');
});

test('without another backend nothing is computed, nor asked for again', async () => {
  const { check, at, settle, calls, dispose } = open({ other: 'webgpu' });
  at(1000);
  check.receive(candidates(0, CHECKED_OF));
  await settle();
  check.receive(candidates(100, CHECKED_OF));
  await settle();
  expect(calls.map(({ name }) => name)).toEqual(['open']);
  expect(dispose).toHaveBeenCalledOnce();
});

test.each([
  ['where memory is short', { memoryGb: 4 }, 0],
  ['where it would be fetched again', { ref: { kind: 'url', base: 'https://a.invalid/x/' } }, 0],
  ['unless it lies here and there is room', {}, 1],
] as const)('a large model is not held twice %s', async (_, change, checked) => {
  const { check, at, settle, asked } = open({ sizeBytes: 1.7e9, ...change });
  at(1e6);
  check.receive(candidates(0, CHECKED_OF));
  await settle();
  expect(asked()).toHaveLength(checked);
});

test('the second engine goes when the run stops', async () => {
  const { check, at, settle, dispose, asked } = open();
  at(1000);
  check.receive(candidates(0, CHECKED_OF));
  await settle();
  check.end();
  expect(dispose).toHaveBeenCalledOnce();
  check.receive(candidates(100, CHECKED_OF));
  await settle();
  expect(asked()).toHaveLength(1);
});
