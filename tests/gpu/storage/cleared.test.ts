// Storage that is cleared while it is in use: every write ends, with an error or done, and new runs can be stored.

import { expect, test } from 'vitest';
import { cdp } from 'vitest/browser';
import { spec } from '../../helpers/fullSpec.ts';
import { freshName, startWorker } from './harness.ts';

const HEADER = { latentSize: 1, timesteps: [1], source: '' };
const RECORD = { prompt: 0, candidate: 0, seed: 1, trace: new Float32Array(1), latent: new Float32Array(1) };

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

test('a file that was cleared under an engine that ended since can be held and written again', async () => {
  const [first, second] = [startWorker(), startWorker()];
  const folder = `runs/${freshName()}`;
  const path = `${folder}/pool-0.bin`;
  await first.call.openPool(path, HEADER);
  const session = cdp() as unknown as { send(method: string, params: object): Promise<unknown> };
  await session.send('Storage.clearDataForOrigin', { origin: location.origin, storageTypes: 'file_systems' });
  // Never answered, and what it has opened never closed.
  first.call.appendPool([RECORD]).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 200));
  first.end();
  await second.call.openPool(path, HEADER, { waitMs: 0 });
  await second.call.appendPool([RECORD]);
  expect(await second.call.poolHas(0, 0)).toBe(true);
});
