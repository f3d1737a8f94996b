// A device that is lost in the middle of work: runs go on from what is stored, on a new device, to the same bits.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobEvent } from '../../../src/contract/events.ts';
import { openStudio, type Studio } from './studio.ts';

const channel = new BroadcastChannel('test: lose the device');
const lose = (): void => channel.postMessage('now');

const RealWorker = globalThis.Worker;

/** The engine's worker with devices that can be lost; the bundler knows workers by this form. */
function startLosing(): Worker {
  const Worker = RealWorker;
  return new Worker(new URL('./losingWorker.ts', import.meta.url), { type: 'module' });
}

let studio: Studio;
beforeAll(async () => {
  globalThis.Worker = new Proxy(RealWorker, { construct: startLosing });
  studio = await openStudio('webgpu');
});
afterAll(async () => {
  globalThis.Worker = RealWorker;
  channel.close();
  await studio?.dispose();
});

/** Runs to the end of training and loses the device at the first event that is met. */
async function runWithLosses(
  runId: string,
  met: readonly ((event: JobEvent) => boolean)[],
): Promise<JobEvent[]> {
  const waiting = [...met];
  const end = studio.client.onEvent((id, event) => {
    if (id !== runId || !waiting[0]?.(event)) return;
    waiting.shift();
    lose();
  });
  try {
    const events = await studio.run(runId, 'train');
    expect(waiting).toEqual([]);
    return events;
  } finally {
    end();
  }
}

it('goes on with drawing and training to the same bits', async () => {
  const [whole, broken] = [await studio.create(), await studio.create()];
  await studio.run(whole, 'train');
  const events = await runWithLosses(broken, [
    (e) => e.type === 'candidates',
    (e) => e.type === 'stage' && e.stage === 'train',
    (e) => e.type === 'train' && e.record.step === 3,
  ]);
  const warnings = events.flatMap((e) => (e.type === 'warning' ? [e.report.code] : []));
  expect(warnings.filter((code) => code === 'gpu-lost')).toHaveLength(3);
  const [a, b] = [await studio.state(whole), await studio.state(broken)];
  expect(b.candidates).toEqual(a.candidates);
  expect(b.train).toEqual(a.train);
  expect(b.validation).toEqual(a.validation);
  const adapterOf = (runId: string) => studio.client.call('exportAdapter', { runId, which: 'last' });
  expect((await adapterOf(broken)).bytes).toEqual((await adapterOf(whole)).bytes);
});

it('brings the model back for who asks after a loss', async () => {
  const ask = await askForImages();
  const before = await ask();
  lose();
  await news();
  expect(await ask()).toEqual(before);
});

it('tells of a loss in the middle of an answer, and answers the next time', async () => {
  const ask = await askForImages();
  const before = await ask();
  const during = ask().catch((error) => error);
  lose();
  expect(await during).toMatchObject({ code: 'gpu-lost' });
  expect(await ask()).toEqual(before);
});

it('is ready for another model after a loss while one was loaded', async () => {
  const { client, model } = studio;
  for (const waitMs of [0, 5, 20, 80]) {
    lose();
    await news();
    const loading = client.call('loadModel', { ref: model }).catch((error) => error);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    lose();
    const answer = await loading;
    if (answer instanceof Error) expect(answer).toMatchObject({ code: 'gpu-lost' });
    await news();
    expect(await client.call('loadModel', { ref: model })).toMatchObject({ name: 'tiny' });
  }
  await studio.run(await studio.create(), 'select');
});

/** Makes a small pool, and gives the function that asks for images of it. */
async function askForImages(): Promise<() => Promise<unknown>> {
  const runId = await studio.create({ selection: { candidates: 1 } });
  await studio.run(runId, 'select');
  const refs = [0, 1, 2].map((prompt) => ({ runId, round: 0, prompt, candidate: 0 }));
  return () => studio.client.call('images', { runId, refs });
}

/** The worker hears of a loss a moment later. */
const news = () => new Promise((resolve) => setTimeout(resolve, 300));
