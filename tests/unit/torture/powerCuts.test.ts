// The short form of `npm run torture`: the same seeds every time.

import { beforeAll, expect, it, vi } from 'vitest';
import type { Session } from '../../../src/procedures/session.ts';
import { LAGS } from '../../../tools/torture/losses.ts';
import { migrationCutCase } from '../../../tools/torture/migrationCuts.ts';
import {
  fullDiskCase,
  powerCutCase,
  type Undisturbed,
  undisturbed,
} from '../../../tools/torture/powerCuts.ts';
import { storeCutCase, storeFullCase } from '../../../tools/torture/storeCuts.ts';
import { openNodeSession } from '../../helpers/nodeStudio.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let session: Session;
let expected: Undisturbed;
beforeAll(async () => {
  session = await openNodeSession();
  expected = await undisturbed(session);
});

it.each(LAGS.map((lag, i) => [lag, i] as const))(
  'a run whose power is cut, with %s behind, comes to the same end',
  async (lag, first) => {
    for (let n = 0; n < 2; n++) {
      const result = await powerCutCase(session, first + n * LAGS.length, expected);
      expect(result).toMatchObject({ lag, reason: null });
    }
  },
);

it('the store is right or empty, and keeps what it acknowledged', async () => {
  for (let seed = 0; seed < 100; seed++) expect(await storeCutCase(seed)).toMatchObject({ reason: null });
});

it('a run of the first version opens wherever its migration was cut off', async () => {
  for (let seed = 0; seed < 100; seed++) expect(await migrationCutCase(seed)).toMatchObject({ reason: null });
});

it('a disk that is full from any write on is told of, and loses nothing', async () => {
  const wrong: string[] = [];
  for (let writes = 0; writes < 80; writes++) {
    const reason = await storeFullCase(writes);
    if (reason !== null) wrong.push(`${writes}: ${reason}`);
  }
  expect(wrong).toEqual([]);
});

it('a run that found the disk full comes to the same end once there is room', async () => {
  const wrong: string[] = [];
  // Every fifth write here; all of them with `npm run torture -- --only cuts`.
  for (let writes = 0; writes < expected.writes; writes += 5) {
    const { reason } = await fullDiskCase(session, writes, expected);
    if (reason !== null) wrong.push(`${writes}: ${reason}`);
  }
  expect(wrong).toEqual([]);
});
