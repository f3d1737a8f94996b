// Early stopping through the page: switched on in the settings, told by the forecast, refused where it does not fit, and in
// a run that loses its page in the middle the same as in one that nothing happens to.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Studio } from '../../tools/lib/launch.ts';
import { callEngine } from '../../tools/rehearse/enginePage.ts';
import { giveFile, goTo, openStudio, pageProblems, TINY_RUN, waitForEngine } from '../helpers/studioPage.ts';

const RUN = {
  ...TINY_RUN,
  sampling: { ...TINY_RUN.sampling, steps: 20, batch: 2 },
  selection: { ...TINY_RUN.selection, candidates: 8 },
};
/** One of three prompts is held out and drawn whole. */
const STOPPED = 2 * 4;
const DRAWN = 3 * 8 - STOPPED;

let folder: string;
let studio: Studio;
let page: Page;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mi-tune-early-'));
  studio = await openStudio({ userDataDir: folder });
  page = studio.page;
});
afterAll(async () => {
  await studio?.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = () => page.getByRole('main').getByRole('button', { name: 'Start', exact: true });

test('the settings have it, the forecast says what it saves', async () => {
  await giveFile(page, 'Run file', 'settings.json', JSON.stringify(RUN));
  await goTo(page, 'Settings');
  expect(await page.getByText(/early stopping saves/).count()).toBe(0);
  await page.getByRole('switch', { name: 'Stop hopeless candidates early' }).click();
  // 35% of two prompts of three.
  await page.getByText('24 images × 20 steps × 2; early stopping saves 23% of drawing').waitFor();
  expect(await pageProblems(page, 'Settings')).toEqual([]);
});

test('a method that needs the whole pool says so beside Start', async () => {
  await page.getByRole('combobox', { name: 'Method' }).click();
  await page.getByRole('option', { name: 'MI-DPO' }).click();
  await goTo(page, 'Start');
  await page.getByText(/^Candidates cannot be stopped early: MI-DPO learns from/).waitFor();
  expect(await start().isDisabled()).toBe(true);
  const selection = { ...RUN.selection, earlyStop: true };
  const spec = { ...RUN, selection, method: { name: 'mi-dpo', options: {} } };
  await expect(callEngine(page, 'createRun', { spec, name: 'refused' })).rejects.toMatchObject({
    code: 'early-stop-unfit',
  });
  await goTo(page, 'Settings');
  await page.getByRole('combobox', { name: 'Method' }).click();
  await page.getByRole('option', { name: 'MI-TUNE' }).click();
  await goTo(page, 'Start');
});

test('a run that loses its page in the middle comes to the same end', async () => {
  await start().click();
  const frames = page.locator('[data-row] canvas');
  await expect.poll(() => frames.count(), { timeout: 60_000 }).toBeGreaterThan(0);
  await page.reload();
  await waitForEngine(page);
  await goTo(page, 'Start');
  await page.getByRole('button', { name: /^Continue / }).click();
  await page.locator('[data-status=done]').waitFor({ timeout: 240_000 });

  const [stopped] = await callEngine(page, 'listRuns', {});
  const spec = { ...RUN, selection: { ...RUN.selection, earlyStop: true } };
  const { id } = await callEngine(page, 'createRun', { spec, name: 'undisturbed' });
  await callEngine(page, 'run', { runId: id, until: 'done' });
  const outcome = async (runId: string) => {
    const {
      candidates,
      stopped: early,
      selections,
      train,
      evaluations,
    } = await callEngine(page, 'runState', {
      runId,
    });
    const of = (c: { prompt: number; candidate: number }): number => 100 * c.prompt + c.candidate;
    const ordered = early.toSorted((a, b) => of(a) - of(b));
    return { candidates, stopped: ordered, selections, train, evaluations };
  };
  const expected = await outcome(id);
  expect([expected.candidates.length, expected.stopped.length]).toEqual([DRAWN, STOPPED]);
  expect(await outcome(stopped?.id ?? '')).toEqual(expected);
});

test('the pages say how many were stopped, and the report names them', async () => {
  await goTo(page, 'Build');
  await page.getByText(`of 24, ${STOPPED} stopped early`).waitFor();
  await expect.poll(() => page.getByText('4 stopped early', { exact: true }).count()).toBe(2);
  expect(await pageProblems(page, 'Build')).toEqual([]);
  await goTo(page, 'Select');
  await expect.poll(() => page.getByText('4 stopped early', { exact: true }).count()).toBe(2);
  await page.getByText('What this score is, and when not to trust it').click();
  await page.getByText(`${STOPPED} candidates had the lower score after the first steps`).waitFor();
  expect(await pageProblems(page, 'Select')).toEqual([]);
  await goTo(page, 'Agreement');
  await page.getByText(`${STOPPED} candidates with the lower MI after the first steps`).waitFor();
  await goTo(page, 'Download');
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download report', exact: true }).click(),
  ]);
  await file.saveAs(join(folder, 'report.json'));
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
  expect(report.candidates).toHaveLength(DRAWN);
  expect(report.stoppedEarly).toHaveLength(STOPPED);
  expect(report.networkEvaluations.sampling).toBe(2 * (DRAWN * 20 + STOPPED * 6));
});
