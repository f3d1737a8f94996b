// An engine whose page has gone holds its run until it has ended, which takes seconds in the middle of a computation. The
// next page waits for that instead of taking it for another tab.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { EngineClient } from '../../../src/engine/client.ts';
import { runLock } from '../../../src/storage/locks.ts';
import { openStudio } from './studio.ts';

const channel = new BroadcastChannel('test: end the worker');
const RealWorker = globalThis.Worker;

/** The engine's worker, which can be made to hang; the bundler knows workers by this form. */
function startDying(): Worker {
  const Worker = RealWorker;
  return new Worker(new URL('./dyingWorker.ts', import.meta.url), { type: 'module' });
}

let next: EngineClient;
beforeAll(async () => {
  next = new EngineClient();
  await next.call('open', { backend: 'wasm' });
  globalThis.Worker = new Proxy(RealWorker, { construct: startDying });
});
afterAll(() => {
  globalThis.Worker = RealWorker;
  channel.close();
  next?.dispose();
});

it('a run is gone on with although the engine of the page before has not ended yet', async () => {
  const { client, create } = await openStudio('wasm');
  const runId = await create();
  const hangs = new Promise<void>((resolve) => {
    client.onEvent((id, event) => {
      if (id !== runId || event.type !== 'train' || event.record.step !== 1) return;
      channel.postMessage('hang');
      resolve();
    });
  });
  const left = client.call('run', { runId, until: 'train' }).catch(({ code }: { code: string }) => code);
  await hangs;
  client.dispose();
  expect(await left).toBe('engine-stopped');
  const isHeld = async () =>
    (await navigator.locks.query()).held?.some(({ name }) => name === runLock(runId));
  expect(await isHeld()).toBe(true);
  const { stage } = await next.call('run', { runId, until: 'train' });
  expect(stage).toBe('evaluate');
  await next.call('deleteRun', { runId });
});
