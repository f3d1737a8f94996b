// Power cuts while a run of the first version of the page is brought up to date: wherever that is cut off, the run opens
// with everything that it had.

import { openRunStore } from '../../src/storage/runStore.ts';
import { PowerCut } from '../../tests/helpers/memoryDisk.ts';
import { readVersion1, version1Disk } from '../../tests/helpers/version1.ts';
import { randomOf } from './random.ts';

export type MigrationCase = {
  readonly seed: number;
  readonly run: string;
  readonly cuts: number;
  readonly reason: string | null;
};

/** What each run of the fixture has: training steps, and steps of its states. */
const RUNS = [
  { name: 'building', stage: 'pool', steps: 0, states: [] },
  { name: 'training', stage: 'train', steps: 4, states: [4] },
  { name: 'done', stage: 'done', steps: 5, states: [5] },
] as const;
const MOST_CUTS = 5;
/** More than bringing one up to date takes. */
const OPERATIONS = 60;

const fixture = readVersion1();

export async function migrationCutCase(seed: number): Promise<MigrationCase> {
  const random = randomOf(seed);
  const expected = RUNS[seed % RUNS.length] as (typeof RUNS)[number];
  const { disk, id } = version1Disk(fixture, expected.name);
  let cuts = 0;
  const of = (reason: string | null): MigrationCase => ({ seed, run: expected.name, cuts, reason });
  try {
    const planned = 1 + Math.floor(random() * MOST_CUTS);
    for (let tries = 0; tries < planned; tries++) {
      disk.cutAfter(Math.floor(random() * OPERATIONS));
      try {
        await openRunStore(disk.backing, id).load();
        break;
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error;
        cuts++;
        disk.restart({ random, records: 0, files: 0 });
      }
    }
    disk.restart({ random, records: 0, files: 0 });
    const store = openRunStore(disk.backing, id);
    const { version, stage } = await store.load();
    // One that was cut off after its state was stored stores that again.
    const states = [...new Set((await store.checkpoints.list()).map(({ step }) => step))];
    const { length: steps } = await store.series.load('train');
    const found = JSON.stringify({ version, stage, steps, states });
    const { name: _, ...right } = expected;
    const wanted = JSON.stringify({ version: 2, ...right });
    return of(found === wanted ? null : `${found}, not ${wanted}`);
  } catch (error) {
    return of(error instanceof Error ? error.message : String(error));
  }
}
