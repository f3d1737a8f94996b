// Scores of other programs on a stored pool.

import { expect, test } from 'vitest';
import type { Picked } from '../../../src/contract/events.ts';
import { importScores } from '../../../src/jobs/importScores.ts';
import type { ScoreEntry } from '../../../src/storage/runRecord.ts';
import type { RunStore } from '../../../src/storage/runStore.ts';

function storeOf(entries: ScoreEntry[]): RunStore {
  const series = {
    load: async () => entries,
    append: async (_: string, more: readonly ScoreEntry[]) => {
      entries.push(...more);
    },
  };
  return { series } as unknown as RunStore;
}

const entry = (prompt: number, candidate: number): ScoreEntry => ({
  round: 0,
  prompt,
  candidate,
  score: prompt + candidate,
  standardError: null,
  metrics: { exact: { value: 1 } },
  terms: null,
});

const hashesOf = async ({ prompt, candidate }: Picked): Promise<string[]> => [
  'f'.repeat(63) + candidate,
  'a'.repeat(63) + prompt,
];

test('numbers go to the images that they name, beside what was measured', async () => {
  const entries = [entry(0, 0), entry(0, 1), entry(3, 12)];
  const text =
    'file_name,clip,note\nimages/000003_0012.png,0.5,x\n000000_0001.png,0.25,y\n000009_0000.png,1,z\n';
  const result = await importScores(storeOf(entries), 0, { text, source: 's.csv', hashesOf });
  expect(result).toEqual({ names: ['file:clip'], images: 2, without: 1 });
  expect(entries.slice(3)).toEqual([
    { ...entry(0, 1), metrics: { exact: { value: 1 }, 'file:clip': { value: 0.25 } } },
    { ...entry(3, 12), metrics: { exact: { value: 1 }, 'file:clip': { value: 0.5 } } },
  ]);
});

test('a table of other images, or of another round, changes nothing', async () => {
  const entries = [entry(0, 0)];
  const text = '{"000000_0000.png":0.5}';
  await expect(importScores(storeOf(entries), 1, { text, source: 's.json', hashesOf })).rejects.toMatchObject(
    {
      code: 'scores-unmatched',
    },
  );
  await expect(
    importScores(storeOf(entries), 0, { text: '{"cat.png":1}', source: 's.json', hashesOf }),
  ).rejects.toMatchObject({ code: 'scores-unmatched' });
  expect(entries).toHaveLength(1);
});

test('numbers go to images by the hash of their file or of their pixels', async () => {
  const entries = [entry(0, 0), entry(0, 1), entry(3, 1)];
  const text = `sha256,beauty\n${'F'.repeat(63)}0,0.5\n${'a'.repeat(63)}3,0.25\n`;
  const result = await importScores(storeOf(entries), 0, { text, source: 's.csv', hashesOf });
  expect(result).toEqual({ names: ['file:beauty'], images: 2, without: 1 });
  expect(entries.slice(3).map(({ metrics }) => metrics['file:beauty']?.value)).toEqual([0.5, 0.25]);
});
