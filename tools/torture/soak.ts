// One tab that works for hours: the same small run again and again, through the page itself. What the tab holds has to
// stay flat, and the numbers of the first and of the last run have to be the same.

import { createHash } from 'node:crypto';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CDPSession, Page } from 'playwright';
import { goTo, TINY_RUN, waitForEngine } from '../../tests/helpers/studioPage.ts';
import { launchStudio } from '../lib/launch.ts';

export type SoakRow = {
  readonly run: number;
  /** Of the scores, the losses and the adapter. */
  readonly outcome: string;
  readonly tensors: number;
  readonly heapBytes: number;
  readonly nodes: number;
  readonly listeners: number;
  /** Of the private file system and the database together, after the run was deleted. */
  readonly storedBytes: number;
};

/** Runs jobs until the time is over and writes a row for each. @param folder for the run file and the browser's profile */
export async function soak(folder: string, out: string, until: number): Promise<void> {
  const runFile = join(folder, 'run.json');
  writeFileSync(runFile, JSON.stringify(TINY_RUN));
  const studio = await launchStudio({ backend: 'wasm', userDataDir: join(folder, 'soak-profile') });
  try {
    const { page } = studio;
    await page.goto(studio.url);
    await waitForEngine(page);
    const devtools = await studio.context.newCDPSession(page);
    await devtools.send('Performance.enable');
    for (let run = 0; Date.now() < until; run++) {
      const outcome = await Promise.race([job(page, runFile), studio.failed]);
      appendFileSync(out, `${JSON.stringify({ run, outcome, ...(await measure(page, devtools)) })}\n`);
    }
  } finally {
    await studio.close();
  }
}

/** A whole run as a user makes it, looked at on every page, and deleted. */
async function job(page: Page, runFile: string): Promise<string> {
  await goTo(page, 'Start');
  await page.getByLabel('Run file').first().setInputFiles(runFile);
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

async function measure(page: Page, devtools: CDPSession): Promise<Omit<SoakRow, 'run' | 'outcome'>> {
  await devtools.send('HeapProfiler.collectGarbage');
  const { metrics } = await devtools.send('Performance.getMetrics');
  const of = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  const { tensors, storedBytes } = await page.evaluate(async () => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    const usage = await studio.call('usage', { restart: false });
    const storage = await studio.call('storage', {});
    return { tensors: usage.tensors, storedBytes: storage.usedBytes ?? 0 };
  });
  return {
    tensors,
    heapBytes: of('JSHeapUsedSize'),
    nodes: of('Nodes'),
    listeners: of('JSEventListeners'),
    storedBytes,
  };
}
