// A GPU without memory left, at any buffer of drawing and training: a run goes on from what is stored, on a new device, to
// the same bits; where memory stays short it stops, says so, and goes on another time.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobEvent } from '../../../src/contract/events.ts';
import { randomOf } from '../../../tools/torture/random.ts';
import { openStudio, type Studio } from './studio.ts';

const channel = new BroadcastChannel('test: no memory');
const failNext = (buffers: number): void => channel.postMessage(buffers);
const FOR_EVER = 1e9;

const RealWorker = globalThis.Worker;

function startPoor(): Worker {
  const Worker = RealWorker;
  return new Worker(new URL('./poorWorker.ts', import.meta.url), { type: 'module' });
}

let studio: Studio;
let whole: string;
beforeAll(async () => {
  globalThis.Worker = new Proxy(RealWorker, { construct: startPoor });
  studio = await openStudio('webgpu');
  whole = await studio.create();
  await studio.run(whole, 'train');
});
afterAll(async () => {
  failNext(0);
  globalThis.Worker = RealWorker;
  channel.close();
  await studio?.dispose();
});

async function expectSame(runId: string): Promise<void> {
  const [a, b] = [await studio.state(whole), await studio.state(runId)];
  expect(b.candidates).toEqual(a.candidates);
  expect(b.train).toEqual(a.train);
  const adapterOf = (id: string) => studio.client.call('exportAdapter', { runId: id, which: 'last' });
  expect((await adapterOf(runId)).bytes).toEqual((await adapterOf(whole)).bytes);
}

/** Works to the end of training; memory is short for one buffer once after each of the events. */
async function runShort(runId: string, met: readonly ((event: JobEvent) => boolean)[]): Promise<JobEvent[]> {
  const waiting = [...met];
  const end = studio.client.onEvent((id, event) => {
    if (id !== runId || !waiting[0]?.(event)) return;
    waiting.shift();
    failNext(1);
  });
  try {
    return await studio.run(runId, 'train');
  } finally {
    end();
  }
}

it.each([0])('goes on with drawing and training to the same bits, seed %i', async (seed) => {
  const random = randomOf(seed);
  const runId = await studio.create();
  const step = 1 + Math.floor(random() * 3);
  const events = await runShort(runId, [
    (e) => e.type === 'candidates' && random() < 0.5,
    (e) => e.type === 'train' && e.record.step >= step,
  ]);
  const codes = events.flatMap((e) => (e.type === 'warning' ? [e.report.code] : []));
  expect(codes).toContain('gpu-memory');
  await expectSame(runId);
});

it('stops with the reason where memory stays short, and goes on another time', async () => {
  const runId = await studio.create();
  const end = studio.client.onEvent((id, event) => {
    if (id === runId && event.type === 'candidates') failNext(FOR_EVER);
  });
  await expect(studio.run(runId, 'train')).rejects.toMatchObject({ code: 'gpu-memory' });
  end();
  failNext(0);
  expect((await studio.state(runId)).summary.status).toBe('failed');
  await studio.run(runId, 'train');
  await expectSame(runId);
});

// As many images as need more than the engine holds already: only what is missing is tried.
it('is found by the trial before a model is loaded', async () => {
  const { client, model } = studio;
  const request = { ref: model, mode: 'train', rank: 4, size: null, batch: 64 } as const;
  // The first plan also times the kernels.
  expect(await client.call('planLoad', { ...request, batch: 1 })).toMatchObject({ trial: 'passed' });
  failNext(1);
  expect(await client.call('planLoad', request)).toMatchObject({ trial: 'failed' });
  failNext(0);
});
