// A browser that has lost its database offers the runs whose files are there, and gives them back whole; results of a run that
// was changed and trained again stand side by side.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Studio } from '../../tools/lib/launch.ts';
import { goTo, openStudio, pageProblems, TINY_RUN, waitForEngine } from '../helpers/studioPage.ts';

let folder: string;
let studio: Studio;
let page: Page;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mi-tune-recover-'));
  studio = await openStudio({ userDataDir: folder });
  page = studio.page;
});
afterAll(async () => {
  await studio?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('two versions of the results can be looked at, by keyboard too', async () => {
  await page.evaluate(async (spec) => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    const { id } = await studio.call('createRun', { spec, name: 'my prompts' });
    await studio.call('run', { runId: id, until: 'train' });
    const { selections } = await studio.call('runState', { runId: id });
    const [first, ...rest] = selections[0]?.picks ?? [];
    if (first === undefined) throw new Error('nothing was selected');
    const picks = [{ ...first, candidate: (first.candidate + 1) % spec.selection.candidates }, ...rest];
    await studio.call('setSelection', { runId: id, round: 0, picks });
    await studio.call('run', { runId: id, until: 'train' });
  }, TINY_RUN);
  await page.reload();
  await waitForEngine(page);
  await goTo(page, 'Start');
  await page.getByRole('button', { name: 'Open my prompts' }).click();
  await goTo(page, 'Train');
  const choice = page.getByRole('combobox', { name: 'Version of the results' });
  await choice.waitFor();
  expect(await choice.textContent()).toContain('Version 2');
  expect(await pageProblems(page, 'Train with two versions')).toEqual([]);
  await choice.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('option', { name: /^Version 1/ }).waitFor();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await expect.poll(() => choice.textContent()).toContain('Version 1');
});

test('a run whose records are lost is recovered by keyboard', async () => {
  const devtools = await studio.context.newCDPSession(page);
  await page.goto('about:blank');
  const { origin } = new URL(studio.url);
  await devtools.send('Storage.clearDataForOrigin', { origin, storageTypes: 'indexeddb' });
  await page.goto(studio.url);
  await waitForEngine(page);
  await page.getByRole('heading', { name: 'Runs to recover' }).waitFor();
  expect(await pageProblems(page, 'Runs to recover')).toEqual([]);
  await page.getByRole('button', { name: 'Recover my prompts' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Open my prompts' }).waitFor();
  expect(await page.getByRole('heading', { name: 'Runs to recover' }).count()).toBe(0);
  // Focus has a place in the page, not the document as a whole.
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).not.toBe('BODY');
});

/** Flips a bit in the middle of every file of the browser's database that can hold records. */
function damageDatabase(): number {
  const databases = join(folder, 'Default', 'IndexedDB');
  const files = readdirSync(databases, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(log|ldb)$/.test(name),
  );
  for (const name of files) {
    const path = join(databases, name);
    const bytes = readFileSync(path);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  }
  return files.length;
}

test('a flipped bit in the files of the browser’s database loses no run', async () => {
  const port = Number(new URL(studio.url).port);
  await studio.close();
  expect(damageDatabase()).toBeGreaterThan(0);
  studio = await openStudio({ userDataDir: folder, port });
  page = studio.page;
  const open = page.getByRole('button', { name: 'Open my prompts' });
  const recover = page.getByRole('button', { name: 'Recover my prompts' });
  await open.or(recover).first().waitFor();
  if ((await recover.count()) > 0) await recover.click();
  await open.click();
  await goTo(page, 'Train');
  expect(await page.getByRole('combobox', { name: 'Version of the results' }).textContent()).toContain(
    'Version 2',
  );
});
