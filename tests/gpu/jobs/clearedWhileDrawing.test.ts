// Storage that is cleared while a run draws. A write to a file that is open then may never return, which blocks the worker
// for good, also where the database is there again by then: whoever waits hears of it, and the next run can be made.

import { expect, it } from 'vitest';
import { cdp } from 'vitest/browser';
import { specOf } from '../../helpers/runSpec.ts';
import { openStudio } from './studio.ts';

it.each(['indexeddb,file_systems', 'file_systems'])(
  '%s: ends with the reason, and a new run can be made',
  async (storageTypes) => {
    const { client, model, create } = await openStudio('wasm', { pingMs: 300 });
    const change = { selection: { candidates: 20 } };
    const runId = await create(change);
    const session = cdp() as unknown as { send(method: string, params: object): Promise<unknown> };
    let cleared: Promise<unknown> | null = null;
    const stop = client.onEvent((_, event) => {
      if (event.type !== 'candidates') return;
      cleared ??= session.send('Storage.clearDataForOrigin', {
        origin: location.origin,
        storageTypes,
      });
    });
    // Also where the run failed before that by what it could not read or write.
    const told = new Promise<void>((resolve) => {
      client.onLife(({ code }) => {
        if (code === 'storage-cleared') resolve();
      });
    });
    const failure = await client.call('run', { runId, until: 'done' }).catch((error: unknown) => error);
    stop();
    await cleared;
    await told;
    expect(['storage-cleared', 'run-missing', 'storage-failed']).toContain(
      (failure as { code: string }).code,
    );
    await client.call('open', { backend: 'wasm' });
    const isListed = (await client.call('listRuns', {})).some((run) => run.id === runId);
    expect(isListed).toBe(storageTypes === 'file_systems');
    const { id } = await client.call('createRun', { spec: specOf(model, 'wasm', change), name: 'next' });
    expect((await client.call('listRuns', {})).map((run) => run.id)).toContain(id);
    client.dispose();
  },
);
