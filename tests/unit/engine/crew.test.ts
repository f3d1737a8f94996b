// Who is hired to draw, with workers that answer as they are told.

import { beforeAll, expect, test, vi } from 'vitest';
import { Crew } from '../../../src/engine/crew.ts';
import type { DrawerNews, DrawerOrder } from '../../../src/engine/drawer.ts';
import type { AllRows, Drawer, RowsRequest } from '../../../src/procedures/drawCrew.ts';
import type { Session } from '../../../src/procedures/session.ts';
import { type BackendWasm, tf } from '../../../src/tensor/tf.ts';
import { wasmKernels } from '../../../src/tensor/wasm/kernels.ts';
import { openNodeSession } from '../../helpers/nodeStudio.ts';

const ENOUGH = 1e6;
const ROWS: AllRows = { drawn: [], stopped: [] };

/** Draws what it is asked to, until it is broken. */
class FakeWorker {
  broken = false;
  readonly terminate = vi.fn();
  onmessage: ((event: { data: DrawerNews }) => void) | null = null;
  postMessage({ kind }: DrawerOrder): void {
    if (kind !== 'draw') return;
    const data: DrawerNews = this.broken ? { kind: 'failed' } : { kind: 'drawn', rows: ROWS };
    queueMicrotask(() => this.onmessage?.({ data }));
  }
}

let session: Session;
beforeAll(async () => {
  session = await openNodeSession();
});

/** A crew of two, and the workers that it started. */
function openCrew(brokenAtStart = false): { readonly crew: Crew; readonly workers: readonly FakeWorker[] } {
  const workers: FakeWorker[] = [];
  const start = (): Worker => {
    const worker = new FakeWorker();
    worker.broken = brokenAtStart;
    workers.push(worker);
    return worker as unknown as Worker;
  };
  const model = { wasmPaths: {} as never, kernels: {} };
  return { crew: new Crew({ session, size: 2, start, model }), workers };
}

function drawAll(drawers: readonly Drawer[]): Promise<readonly (AllRows | null)[]> {
  const options = { signal: new AbortController().signal, onSteps: () => undefined };
  return Promise.all(drawers.map((drawer) => drawer.draw({} as RowsRequest, null, options)));
}

test('those who drew are hired again, nobody for little work', async () => {
  const { crew, workers } = openCrew();
  expect(crew.hire(10)).toEqual([]);
  const first = crew.hire(ENOUGH);
  expect(await drawAll(first)).toEqual([ROWS, ROWS]);
  crew.release();
  expect(crew.hire(ENOUGH)).toEqual(first);
  expect(workers).toHaveLength(2);
  crew.close();
});

test('one that broke is not offered again: another takes its place', async () => {
  const { crew, workers } = openCrew();
  const first = crew.hire(ENOUGH);
  await drawAll(first);
  (workers[0] as FakeWorker).broken = true;
  expect(await drawAll(first)).toEqual([null, ROWS]);
  crew.release();
  const second = crew.hire(ENOUGH);
  expect(second).toHaveLength(2);
  expect(second).not.toContain(first[0]);
  expect(second).toContain(first[1]);
  expect(workers).toHaveLength(3);
  expect(await drawAll(second)).toEqual([ROWS, ROWS]);
  crew.close();
  for (const { terminate } of workers) expect(terminate).toHaveBeenCalled();
});

test('those who could never draw are not replaced, and leave the cores to the threads of the engine', async () => {
  const { crew, workers } = openCrew(true);
  const { threads } = wasmKernels(tf.backend() as BackendWasm, 'separate');
  const drawers = crew.hire(ENOUGH);
  expect(threads.alone).toBe(true);
  expect(await drawAll(drawers.slice(1))).toEqual([null]);
  expect(threads.alone).toBe(true);
  expect(await drawAll(drawers)).toEqual([null, null]);
  expect(threads.alone).toBe(false);
  crew.release();
  expect(crew.hire(ENOUGH)).toEqual([]);
  expect(crew.hire(ENOUGH)).toEqual([]);
  expect(workers).toHaveLength(2);
});
