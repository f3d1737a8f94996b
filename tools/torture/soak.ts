// One tab that works for hours: the same small run again and again, through the page itself. What the tab holds has to
// stay flat, and the numbers of the first and of the last run have to be the same.

import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CDPSession, Page } from 'playwright';
import { giveFileUnheld, goTo, TINY_RUN, waitForEngine } from '../../tests/helpers/studioPage.ts';
import { launchStudio, type Studio } from '../lib/launch.ts';

export type SoakRow = {
  readonly run: number;
  /** Of the scores, the losses and the adapter. */
  readonly outcome: string;
  readonly tensors: number;
  readonly heapBytes: number;
  /** Of the heap what scripts made; the rest is compiled code and the browser's own. */
  readonly madeBytes: number;
  readonly nodes: number;
  readonly listeners: number;
  /** Files and records of the page after the run was deleted. */
  readonly files: number;
  readonly records: number;
};

/** Runs jobs until the time is over and writes a row for each. @param folder for the browser's profile */
export async function soak(folder: string, out: string, until: number): Promise<void> {
  const studio = await launchStudio({ backend: 'wasm', userDataDir: join(folder, 'soak-profile') });
  try {
    for await (const row of soakRows(studio)) {
      appendFileSync(out, `${JSON.stringify(row)}\n`);
      if (Date.now() >= until) break;
    }
  } finally {
    await studio.close();
  }
}

/** Run after run in one tab, without end. */
export async function* soakRows({ page, context, url, failed }: Studio): AsyncGenerator<SoakRow, never> {
  await page.goto(url);
  await waitForEngine(page);
  const devtools = await context.newCDPSession(page);
  await devtools.send('Performance.enable');
  for (let run = 0; ; run++) {
    const outcome = await Promise.race([job(page), failed]);
    yield { run, outcome, ...(await measure(page, devtools)) };
  }
}

/** A whole run as a user makes it, looked at on every page, and deleted. */
async function job(page: Page): Promise<string> {
  await goTo(page, 'Start');
  await giveFileUnheld(page, 'Run file', 'run.json', JSON.stringify(TINY_RUN));
  await page.getByRole('main').getByRole('button', { name: 'Start', exact: true }).click();
  await page.locator('[data-status=running]').waitFor();
  await page.locator('[data-status=done]').waitFor({ timeout: 600_000 });
  for (const title of ['Build', 'Select', 'Train', 'Compare', 'Download', 'Start'] as const)
    await goTo(page, title);
  const text = await page.evaluate(async () => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    const [run] = await studio.call('listRuns', {});
    if (run === undefined) throw new Error('there is no run');
    const { candidates, train, validation } = await studio.call('runState', { runId: run.id });
    const { bytes } = await studio.call('exportAdapter', { runId: run.id, which: 'best' });
    return JSON.stringify({ scores: candidates.map((c) => c.score), train, validation, adapter: [...bytes] });
  });
  await page
    .getByRole('button', { name: /^Delete / })
    .first()
    .click();
  await page.getByRole('button', { name: 'Delete run', exact: true }).click();
  await page.locator('[data-status=idle]').waitFor();
  return createHash('sha256').update(text).digest('hex');
}

const MADE = ['object', 'array', 'string', 'concatenated string', 'sliced string', 'closure', 'number'];

type Snapshot = {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
};

/** By a picture of the whole heap: machine code of what is called often grows for hours, and says nothing of leaks. */
async function madeByScripts(devtools: CDPSession): Promise<number> {
  const chunks: string[] = [];
  const take = ({ chunk }: { readonly chunk: string }) => chunks.push(chunk);
  devtools.on('HeapProfiler.addHeapSnapshotChunk', take);
  await devtools.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  devtools.off('HeapProfiler.addHeapSnapshotChunk', take);
  const { snapshot, nodes } = JSON.parse(chunks.join('')) as Snapshot;
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [type, size] = [fields.indexOf('type'), fields.indexOf('self_size')];
  let bytes = 0;
  for (let at = 0; at < nodes.length; at += fields.length) {
    if (MADE.includes(types[0][nodes[at + type] as number] as string)) bytes += nodes[at + size] as number;
  }
  return bytes;
}

async function measure(page: Page, devtools: CDPSession): Promise<Omit<SoakRow, 'run' | 'outcome'>> {
  // Confirmations pass by themselves.
  await page.waitForFunction(() => document.querySelector('[aria-label="Dismiss message"]') === null);
  await devtools.send('HeapProfiler.collectGarbage');
  await devtools.send('HeapProfiler.collectGarbage');
  const { metrics } = await devtools.send('Performance.getMetrics');
  const of = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  const kept = await page.evaluate(async () => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    const { tensors } = await studio.call('usage', { restart: false });
    const filesBelow = async (folder: FileSystemDirectoryHandle): Promise<number> => {
      let count = 0;
      for await (const entry of folder.values())
        count += entry.kind === 'file' ? 1 : await filesBelow(entry as FileSystemDirectoryHandle);
      return count;
    };
    const settled = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    let records = 0;
    for (const { name } of await indexedDB.databases()) {
      const database = await settled(indexedDB.open(name as string));
      for (const store of database.objectStoreNames)
        records += await settled(database.transaction(store).objectStore(store).count());
      database.close();
    }
    return { tensors, files: await filesBelow(await navigator.storage.getDirectory()), records };
  });
  return {
    ...kept,
    heapBytes: of('JSHeapUsedSize'),
    madeBytes: await madeByScripts(devtools),
    nodes: of('Nodes'),
    listeners: of('JSEventListeners'),
  };
}
