// Methods side by side, on an invented model: one method learns what its pool shows, one way of drawing is always right.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uniform } from '../../../src/lib/philox.ts';
import { METHODS } from '../../../src/methods/registry.ts';
import { floatsFromBase64, floatsToBase64, toBase64 } from '../../../tools/study/base64.ts';
import {
  armName,
  armsOf,
  candidatesOf,
  costOf,
  findMethodsDesign,
  imageCost,
  keepOf,
  METHODS_DESIGNS,
  type MethodsDesign,
  preparation,
} from '../../../tools/study/methods/design.ts';
import { methodSteps } from '../../../tools/study/methods/plan.ts';
import { methodsReport } from '../../../tools/study/methods/report.ts';
import { type ArmResult, readResults } from '../../../tools/study/methods/results.ts';
import type { DrawRequest, PageRequest, PageResult, TuneRequest } from '../../../tools/study/protocol.ts';
import { runSteps } from '../../../tools/study/runner.ts';
import { modelSchedule } from '../../../tools/study/schedule.ts';
import { openStore, type Store } from '../../../tools/study/store.ts';

const schedule = modelSchedule();
const design: MethodsDesign = {
  ...(findMethodsDesign('quick') as MethodsDesign),
  test: { prompts: 4, images: 2 },
  seeds: 2,
};

describe.each(METHODS_DESIGNS)('the design $name', (size) => {
  test('has every method, and pays for each the same training', () => {
    const arms = armsOf(size);
    const named = new Set(arms.flatMap((arm) => ('choice' in arm ? [arm.choice.name] : [])));
    expect([...named].sort()).toEqual(METHODS.map(({ name }) => name).sort());
    for (const arm of arms) {
      const { pool, training } = preparation(size, arm);
      if (arm.kind !== 'tuned') {
        expect([pool, training]).toEqual([0, 0]);
        continue;
      }
      const { perUpdate } = costOf(size, arm.choice, 'pool');
      // As many whole steps as the budget pays for, in every round.
      expect(training).toBeLessThanOrEqual(Math.max(size.trainingBudget, arm.rounds * perUpdate));
      expect(training + arm.rounds * perUpdate).toBeGreaterThan(size.trainingBudget);
      expect(arm.rounds * candidatesOf(size, arm.rounds)).toBeLessThanOrEqual(size.pool.candidates);
    }
  });

  test('chooses in every round', () => {
    for (const rounds of size.rounds) expect(keepOf(size, rounds)).toBeLessThan(candidatesOf(size, rounds));
  });

  test('draws nothing twice, and needs only what comes before', () => {
    const steps = methodSteps(size, schedule);
    const ids = steps.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [i, { needs }] of steps.entries()) {
      for (const need of needs) expect(ids.indexOf(need)).toBeLessThan(i);
    }
  });
});

test('the design medium still asks for what is measured already, except where it kept all it drew', () => {
  const size = findMethodsDesign('medium') as MethodsDesign;
  expect(size.rounds.map((rounds) => [candidatesOf(size, rounds), keepOf(size, rounds)])).toEqual([
    [8, 2],
    [4, 2],
    [2, 1],
  ]);
  const ids = methodSteps(size, schedule).map(({ id }) => id);
  const trained = ids.filter((id) => id.startsWith('tune/mi-tune{}/') && id.includes('/r0/1of'));
  expect(trained.map((id) => id.slice(id.indexOf('/M') + 1))).toEqual([
    'M8of8/k2/s30/lr0.0005-i100-b8-dora16/r0/1of1',
    'M4of8/k2/s30/lr0.0005-i50-b8-dora16/r0/1of2',
    'M2of8/k1/s30/lr0.0005-i33-b8-dora16/r0/1of3',
  ]);
});

/** Alignment of an image by chance, by its rule, or by what its adapter learned. */
function draw(request: DrawRequest, learnedBy: ReadonlyMap<string, number>): PageResult {
  const images = request.seeds.map((seed) => {
    const chance = uniform(seed, 1, 0);
    const learned = request.adapter === null ? chance : (learnedBy.get(request.adapter) ?? Number.NaN);
    const share = request.rule?.name === 'attend-and-excite' ? 1 : Math.min(1, 0.5 * chance + 0.5 * learned);
    return {
      seed,
      latent: floatsToBase64(Float32Array.of(share)),
      trace: [1 + share, 1 + share, 1 + share],
      share,
      strict: share > 0.8,
      claims: [share > 0.5],
      objects: [],
      area: 1,
    };
  });
  return { timesteps: [901, 501, 101], images };
}

/** MI-TUNE learns its best candidates; other methods nothing better than their pool. */
function learn({ method, pool }: TuneRequest): number {
  const shares = pool.map(({ latent }) => floatsFromBase64(latent)[0] ?? 0);
  return method.name === 'mi-tune' ? Math.max(...shares) : shares.reduce((a, b) => a + b, 0) / shares.length;
}

let folder: string;
let store: Store;
let results: readonly ArmResult[];
const of = (name: string): ArmResult => results.find(({ arm }) => armName(arm) === name) as ArmResult;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'methods-'));
  store = openStore(folder, { version: 1, model: 'invented', design: 'quick' });
  const learnedBy = new Map<string, number>();
  const run = async (request: PageRequest): Promise<PageResult> => {
    if (request.kind === 'draw') return draw(request, learnedBy);
    if (request.kind !== 'tune') throw new Error(`${request.kind} is not part of it`);
    expect(request.pool.every(({ score }) => score > 0)).toBe(true);
    pending.push(learn(request));
    return { losses: [1], adapters: [{ step: request.iterations, file: toBase64(Uint8Array.of(1)) }] };
  };
  // The store names the adapter's file once it has the result.
  const pending: number[] = [];
  const named: Store = {
    ...store,
    add: (id, result, seconds) => {
      store.add(id, result, seconds);
      if (!('adapters' in result)) return;
      const { adapters } = store.read<typeof result>(id);
      learnedBy.set(adapters[0]?.file ?? '', pending.shift() ?? Number.NaN);
    },
  };
  const options = { workers: [{ run }], deadline: 1, now: () => 0, onDone: () => undefined };
  expect(await runSteps(methodSteps(design, schedule), named, options)).toBe(true);
  results = readResults(store, design, schedule);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('every arm has its images, paired with guidance alone', () => {
  expect(results).toHaveLength(armsOf(design).length);
  const prompts = design.categories.length * design.test.prompts;
  for (const result of results) expect(result.images).toBe(2 * prompts * design.test.images);
  expect(of('guidance alone').change).toBeNull();
});

test('finds the arm that is right, and what a choice by MI is worth', () => {
  const excited = of('Attend-and-Excite');
  expect(excited.means.soft.estimate).toBe(1);
  expect(excited.change?.soft.low).toBeGreaterThan(0);
  const plain = of('guidance alone').means.soft.estimate;
  expect(excited.change?.soft.estimate).toBeCloseTo(1 - plain, 6);
  // MI grows with the share here.
  expect(of('guidance alone, best by MI').means.soft.estimate).toBeGreaterThan(plain);
  expect(of('MI-TUNE, R = 1').means.soft.estimate).toBeGreaterThan(of('GORS').means.soft.estimate);
  // Paired with the method it is compared with, where both are tuned.
  expect(of('GORS').againstTuned?.high).toBeLessThan(0);
  expect(of('MI-TUNE, R = 1').againstTuned).toBeNull();
  expect(excited.againstTuned).toBeNull();
});

test('the report says what it rests on and what everything costs', () => {
  const text = methodsReport({ store, design, schedule, model: 'invented', notes: 'by hand' });
  expect(text).toContain('**This is small**: 2 seeds, 8 prompts');
  expect(text).toContain('by hand');
  for (const arm of armsOf(design)) expect(text).toContain(`| ${armName(arm)} |`);
  expect(text).toContain(`| ${Math.round(imageCost(design, { kind: 'base' }))} |`);
  expect(text).toMatch(/clearly above guidance alone: .*Attend-and-Excite/);
  expect(text).toMatch(/clearly above MI-TUNE with one round: none; below: .*GORS/);
  expect(text).toMatch(/Attend-and-Excite, made for images where an object is missing/);
  expect(text).not.toMatch(/NaN|undefined/);
  // A study that was stopped says so.
  const asked = methodsReport({
    store,
    design: { ...design, seeds: 3 },
    schedule,
    model: 'invented',
    notes: null,
  });
  expect(asked).toContain('2 seeds, 8 prompts, 32 images a row');
  expect(asked).toContain('The design asks for 3 seeds');
});
