// The short form of `npm run torture`: the same seeds every time.

import { beforeAll, expect, it, vi } from 'vitest';
import type { Session } from '../../../src/procedures/session.ts';
import { LAGS } from '../../../tools/torture/losses.ts';
import { migrationCutCase } from '../../../tools/torture/migrationCuts.ts';
import { powerCutCase, type Undisturbed, undisturbed } from '../../../tools/torture/powerCuts.ts';
import { storeCutCase } from '../../../tools/torture/storeCuts.ts';
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
