// A worker that dies or hangs is noticed and started again, and the run goes on to the same bits.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ErrorReport } from '../../../src/lib/errors.ts';
import { openStudio, type Studio } from './studio.ts';

const channel = new BroadcastChannel('test: end the worker');
const RealWorker = globalThis.Worker;

/** The engine's worker, which can be ended; the bundler knows workers by this form. */
function startDying(): Worker {
  const Worker = RealWorker;
  return new Worker(new URL('./dyingWorker.ts', import.meta.url), { type: 'module' });
}

let studio: Studio;
beforeAll(async () => {
  globalThis.Worker = new Proxy(RealWorker, { construct: startDying });
  // A hang is sixty pings long.
  studio = await openStudio('wasm', { pingMs: 400 });
});
afterAll(async () => {
  globalThis.Worker = RealWorker;
  channel.close();
  await studio?.dispose();
});

it.each([
  ['die', 'engine-died'],
  ['hang', 'engine-hung'],
])('a run whose engine is made to %s goes on', async (fate, code) => {
  const [whole, broken] = [await studio.create(), await studio.create()];
  await studio.run(whole, 'train');
  const reports: ErrorReport[] = [];
  const end = studio.client.onLife((report) => reports.push(report));
  const stop = studio.client.onEvent((id, event) => {
    if (id === broken && event.type === 'train' && event.record.step === 3) channel.postMessage(fate);
  });
  await expect(studio.run(broken, 'train')).rejects.toMatchObject({ code });
  stop();
  end();
  expect(reports.map((report) => report.code)).toContain(code);
  await studio.client.call('open', { backend: 'wasm' });
  await studio.run(broken, 'train');
  const adapterOf = async (runId: string) =>
    (await studio.client.call('exportAdapter', { runId, which: 'best' })).bytes;
  expect(await adapterOf(broken)).toEqual(await adapterOf(whole));
});
