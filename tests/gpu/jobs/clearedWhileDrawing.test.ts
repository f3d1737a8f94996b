// Storage that is cleared while a run draws. A write to a file that is open then may never return, which blocks the worker
// for good: whoever waits hears of it all the same, and the next run can be made.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { cdp } from 'vitest/browser';
import { specOf } from '../../helpers/runSpec.ts';
import { openStudio, type Studio } from './studio.ts';

let studio: Studio;
beforeAll(async () => {
  studio = await openStudio('wasm', { pingMs: 300 });
});
// Its runs and its model are cleared.
afterAll(() => studio?.client.dispose());

it('ends with the reason, and a new run can be made', async () => {
  const { client, model } = studio;
  const change = { selection: { candidates: 20 } };
  const runId = await studio.create(change);
  const session = cdp() as unknown as { send(method: string, params: object): Promise<unknown> };
  let cleared: Promise<unknown> | null = null;
  const stop = client.onEvent((_, event) => {
    if (event.type !== 'candidates') return;
    cleared ??= session.send('Storage.clearDataForOrigin', {
      origin: location.origin,
      storageTypes: 'indexeddb,file_systems',
    });
  });
  const failure = await client.call('run', { runId, until: 'done' }).catch((error: unknown) => error);
  stop();
  await cleared;
  expect(['storage-cleared', 'run-missing', 'storage-failed']).toContain((failure as { code: string }).code);
  await client.call('open', { backend: 'wasm' });
  expect(await client.call('listRuns', {})).toEqual([]);
  const { id } = await client.call('createRun', { spec: specOf(model, 'wasm', change), name: 'next' });
  expect((await client.call('listRuns', {})).map((run) => run.id)).toEqual([id]);
});
