// The short form of the hours in one tab: what the page holds is the same after every run.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { launchStudio } from '../../tools/lib/launch.ts';
import { type SoakRow, soakRows } from '../../tools/torture/soak.ts';

const RUNS = 5;
/** Less than one chart, let alone one for each run. */
const SLACK = 8;
/** Two in a hundred; a run leaves nothing. */
const GROWTH = 1.02;

test('a tab holds as much after its last run as after its first ones', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mi-tune-soak-'));
  const studio = await launchStudio({ backend: 'wasm', userDataDir: folder });
  const rows: SoakRow[] = [];
  try {
    for await (const row of soakRows(studio)) {
      rows.push(row);
      if (rows.length === RUNS) break;
    }
  } finally {
    await studio.close();
    rmSync(folder, { recursive: true, force: true });
  }
  // The first run opens what stays open. What was let go of last, a message or a page, may not be collected yet when it is
  // counted; what is never let go of is there after every run.
  const [, second, ...later] = rows as [SoakRow, SoakRow, ...SoakRow[]];
  for (const { run, outcome, tensors, files, records } of later) {
    expect({ outcome, tensors, files, records }, `run ${run}`).toEqual({
      outcome: second.outcome,
      tensors: second.tensors,
      // The mark by which cleared storage is known, and how fast the kernels are here.
      files: 1,
      records: 2,
    });
  }
  const fewest = (of: (row: SoakRow) => number): number => Math.min(...later.map(of));
  expect(fewest((row) => row.nodes)).toBeLessThanOrEqual(second.nodes + SLACK);
  expect(fewest((row) => row.madeBytes)).toBeLessThanOrEqual(second.madeBytes * GROWTH);
  expect(fewest((row) => row.listeners)).toBeLessThanOrEqual(second.listeners + 2);
});
