// Comparisons are kept with the results they belong to, and one that is damaged is drawn again.

import { expect, test } from 'vitest';
import type { Comparison } from '../../../src/contract/comparison.ts';
import { keepComparison, loadComparison } from '../../../src/storage/comparisons.ts';
import { runKey } from '../../../src/storage/keys.ts';
import { runLock } from '../../../src/storage/locks.ts';
import { MemoryDisk } from '../../helpers/memoryDisk.ts';

const picture = (value: number) => ({
  image: { width: 2, height: 1, rgba: Uint8ClampedArray.of(value, 0, 0, 255, 0, value, 0, 255) },
  score: value / 7,
  metrics: { exact: { value: 0.5, parts: { strict: 0 } } },
});
const comparison: Comparison = {
  columns: [
    { adapter: null, evaluations: 60, secondsPerImage: 0.5 },
    {
      adapter: 'run:a:1',
      strength: 0.5,
      drawnBy: { name: 'attend-and-excite', options: { stepSize: 10 } },
      evaluations: 220,
      secondsPerImage: 3.25,
    },
  ],
  rows: [
    { prompt: 'a red circle', seed: 1000, images: [picture(1), picture(2)] },
    { prompt: 'a red circle', seed: 1001, images: [picture(3), picture(4)] },
  ],
  steps: 30,
  guidance: 2.5,
};

async function diskWithRun() {
  const { backing } = new MemoryDisk();
  await backing.records.writeValues([[runKey('a'), {}]]);
  return backing;
}

test('a comparison comes back as it was, for its own version alone', async () => {
  const backing = await diskWithRun();
  const { files } = backing;
  const of = { runId: 'a', round: 0, version: 1 };
  expect(await loadComparison(files, of)).toBeNull();
  expect(await keepComparison(backing, of, comparison)).toBe(true);
  expect(await loadComparison(files, of)).toEqual(comparison);
  for (const other of [null, { ...of, version: 0 }, { ...of, round: 1 }, { ...of, runId: 'b' }]) {
    expect(await loadComparison(files, other)).toBeNull();
  }
});

test('one without a run is kept too, apart from those of runs', async () => {
  const backing = await diskWithRun();
  expect(await keepComparison(backing, null, comparison)).toBe(true);
  expect(await loadComparison(backing.files, null)).toEqual(comparison);
  expect(await loadComparison(backing.files, { runId: 'a', round: 0, version: 0 })).toBeNull();
});

test('nothing is written into a run that is at work elsewhere, or gone', async () => {
  const backing = await diskWithRun();
  const of = { runId: 'a', round: 0, version: 0 };
  const kept = await backing.locks.whileHeld(runLock('a'), () => keepComparison(backing, of, comparison));
  expect(kept).toEqual({ value: false });
  expect(await keepComparison(backing, { ...of, runId: 'gone' }, comparison)).toBe(false);
  expect(await backing.files.listFiles('runs')).toEqual([]);
});

test('one that is damaged, or whose pictures are not whole, is none', async () => {
  const backing = await diskWithRun();
  const { files } = backing;
  const of = { runId: 'a', round: 0, version: 0 };
  await keepComparison(backing, of, comparison);
  const path = 'runs/a/comparisons/0-0.bin';
  const bytes = (await files.readBytes(path)) as Uint8Array<ArrayBuffer>;
  await files.writeBytes(path, bytes.slice(0, bytes.length - 5));
  expect(await loadComparison(files, of)).toBeNull();
  const [first] = comparison.rows;
  const cut = {
    ...comparison,
    rows: [{ ...(first as (typeof comparison.rows)[number]), images: [picture(1)] }],
  };
  await keepComparison(backing, of, cut);
  expect(await loadComparison(files, of)).toBeNull();
});
