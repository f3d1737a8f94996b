// Storage that is cleared while it is in use: every write ends, with an error or done, and new runs can be stored.

import { expect, test } from 'vitest';
import { cdp } from 'vitest/browser';
import { spec } from '../../helpers/fullSpec.ts';
import { startWorker } from './harness.ts';

test('no write waits without end when the storage is cleared under it', async () => {
  const { call } = startWorker();
  const { id } = await call.createRunRecord({ name: 'cleared', spec });
  const writes = call.writeUntilTold(id);
  const session = cdp() as unknown as { send(method: string, params: object): Promise<unknown> };
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await session.send('Storage.clearDataForOrigin', { origin: location.origin, storageTypes: 'all' });
  }
  await call.tellWriters();
  const { begun, ended, codes } = await writes;
  expect(begun).toBeGreaterThan(10);
  expect(ended).toBe(begun);
  // The run is gone, and whoever works on it hears so.
  expect(codes).toContain('run-missing');
  const next = await call.createRunRecord({ name: 'next', spec });
  expect((await call.listRunRecords()).runs.map((run) => run.id)).toEqual([next.id]);
});
