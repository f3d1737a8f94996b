// What methods train on, from a pool of candidates: plain data in, plain data out.

import { describe, expect, test } from 'vitest';
import { kindOfNegative, likeness } from '../../../src/methods/code/hnItm.ts';
import { exceeds, opponents, rewardAt, rewardsOf } from '../../../src/methods/code/rewards.ts';
import { tuningOf } from '../../../src/methods/code.ts';
import type { ItemRequest, Ranked } from '../../../src/methods/methodCode.ts';

const TEXTS = ['a red cube', 'a red ball', 'two green dogs'] as const;

/** Four candidates of each prompt; scores rise with the candidate, the metric falls. */
const pool: readonly Ranked[] = TEXTS.flatMap((text, prompt) =>
  Array.from({ length: 4 }, (_, candidate) => ({
    prompt,
    candidate,
    text,
    score: 10 * prompt + candidate,
    metrics: { exact: { value: 0.9 - 0.2 * candidate } },
  })),
);
const best = pool.filter(({ candidate }) => candidate === 3);
const latent = ({ prompt, candidate }: { prompt: number; candidate: number }): Float32Array =>
  Float32Array.from([prompt, candidate]);
const request: ItemRequest = { chosen: best, pool, latent, seed: 1 };
const open = (name: string, options: Record<string, number | string> = {}) =>
  tuningOf({ method: { name, options } });

test('rewards: MI as the share of the prompt’s other candidates that are beaten, metrics as they are', () => {
  const mi = rewardsOf('mi', pool);
  expect(pool.slice(0, 4).map((c) => mi.get(c))).toEqual([0, 1 / 3, 2 / 3, 1]);
  const exact = rewardsOf('exact', pool);
  expect(exact.get(pool[0] as Ranked)).toBeCloseTo(0.9);
  expect(rewardsOf('unknown', pool).get(pool[0] as Ranked)).toBeNull();
});

test('a file of scores rewards by its one column', () => {
  const scored = pool.map((c) => ({
    ...c,
    metrics: c.candidate < 2 ? { ...c.metrics, 'file:taste': { value: c.candidate + 1 } } : c.metrics,
  }));
  const rewards = rewardsOf('file', scored);
  expect(scored.slice(0, 3).map((c) => rewards.get(c))).toEqual([1, 2, null]);
  expect(rewardAt(rewards, { prompt: 1, candidate: 1 })).toBe(2);
  expect(rewardAt(rewards, { prompt: 9, candidate: 0 })).toBeNull();
  expect(() => rewardsOf('file', pool)).toThrow(/none has been read/);
  const two = scored.map((c) => ({ ...c, metrics: { ...c.metrics, 'file:size': { value: 1 } } }));
  expect(() => rewardsOf('file', two)).toThrow(/file:taste, file:size/);
});

test('a threshold is exceeded strictly, in float32', () => {
  expect(exceeds(0.92, 0.92)).toBe(false);
  expect(exceeds(0.920000001, 0.92)).toBe(false);
  expect(exceeds(0.9201, 0.92)).toBe(true);
});

test('opponents are the lowest of the same prompt that are not chosen, each once', () => {
  const chosen = [pool[3], pool[2], pool[1]] as Ranked[];
  expect(opponents([...chosen, pool[0] as Ranked], pool)).toEqual([null, null, null, null]);
  expect(opponents(chosen.slice(0, 2), pool).map((c) => c?.candidate)).toEqual([0, 1]);
  expect(opponents(chosen, pool).map((c) => c?.candidate ?? null)).toEqual([0, null, null]);
});

describe('sets', () => {
  test('MI-TUNE trains on the selection alone', async () => {
    const { items, select, tuning } = await tuningOf({});
    expect([items, select]).toEqual([undefined, undefined]);
    expect(tuning.objective.rows).toBe(1);
  });

  test('GORS keeps what exceeds the threshold, weighted by its reward', async () => {
    const { items, select } = await open('gors', { reward: 'exact', threshold: 0.6 });
    const picks = select?.(pool, 1) ?? [];
    expect(picks.map(({ candidate }) => candidate)).toEqual([0, 1, 0, 1, 0, 1]);
    const set = items?.({ ...request, chosen: picks as readonly Ranked[] }) ?? [];
    expect(set.map(({ weight }) => Number(weight?.toFixed(2)))).toEqual([0.9, 0.7, 0.9, 0.7, 0.9, 0.7]);
    expect(set[2]).toMatchObject({ text: 'a red ball', latent: Float32Array.from([1, 0]) });
  });

  test('HN-ITM sets the likest prompt’s image and caption beside each image, or any other caption', async () => {
    expect(likeness('a red cube', 'A red ball.')).toBeCloseTo(0.5);
    const { items, tuning } = await open('hn-itm');
    const [cube] = items?.(request) ?? [];
    expect(cube?.beside?.slice(0, 2)).toEqual([
      { text: 'a red cube', latent: Float32Array.from([1, 3]) },
      { text: 'a red ball', latent: Float32Array.from([0, 3]) },
    ]);
    expect(cube?.beside?.[2]?.text).not.toBe('a red cube');
    expect([0, 0.49, 0.5, 0.74, 0.75, 0.99].map(kindOfNegative)).toEqual([[0], [0], [1], [1], [2], [2]]);
    expect(tuning.objective.rows).toBe(2);
    const same = best.map((c) => ({ ...c, text: 'a dog' }));
    expect(() => items?.({ ...request, chosen: same })).toThrow(/same prompt/);
  });

  test('HN-ITM selects by a reward where one is asked for', async () => {
    const { select } = await open('hn-itm', { reward: 'exact' });
    expect(select?.(pool, 2).map(({ prompt, candidate }) => [prompt, candidate])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [2, 0],
      [2, 1],
    ]);
    expect((await open('hn-itm')).select).toBeUndefined();
    await expect(open('hn-itm', { reward: 'file' }).then((t) => t.select?.(pool, 1))).rejects.toThrow(
      /none has been/,
    );
  });

  test('MI-DPO pairs the largest MI with the lowest of its prompt', async () => {
    const { items } = await open('mi-dpo');
    const set = items?.(request) ?? [];
    expect(set.map((item) => item.beside)).toEqual(
      TEXTS.map((text, prompt) => [{ text, latent: Float32Array.from([prompt, 0]) }]),
    );
    // A pool without a second candidate has no pair.
    expect(items?.({ ...request, pool: best })).toEqual([]);
  });

  test('negative-aware tuning takes both ends with weights 1 and 0', async () => {
    const { items } = await open('negative-aware');
    const set = items?.(request) ?? [];
    expect(set.map(({ weight, latent: z }) => [weight, z[1]])).toEqual([
      [1, 3],
      [1, 3],
      [1, 3],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  test('MI in the loss sees every image without its prompt too', async () => {
    const { items } = await open('mi-loss');
    expect(items?.(request)[0]?.beside).toEqual([{ text: '', latent: Float32Array.from([0, 3]) }]);
  });
});
