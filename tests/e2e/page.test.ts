// The page as users get it: every page is accessible, fits narrow windows, survives bad input and works by keyboard.

import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Studio } from '../../tools/lib/launch.ts';
import {
  alertCodes,
  giveFile,
  goTo,
  openStudio,
  type PageTitle,
  pageProblems,
  TINY_RUN,
  WIDE,
  waitForEngine,
} from '../helpers/studioPage.ts';

const GENERAL = [
  'Start',
  'Model',
  'Adapters',
  'Settings',
  'Storage',
  'Survey',
] as const satisfies readonly PageTitle[];
const STAGES = [
  'Build',
  'Select',
  'Agreement',
  'Train',
  'Compare',
  'Download',
] as const satisfies readonly PageTitle[];

/** Machines that run tests may be busy. */
const PATIENT = { timeout: 30_000 };

let studio: Studio;
let page: Page;
const printed: string[] = [];

beforeAll(async () => {
  studio = await openStudio({ onConsole: (kind, text) => void (kind === 'error' && printed.push(text)) });
  page = studio.page;
  await page.setViewportSize(WIDE);
});

afterAll(async () => {
  await studio?.close();
});

async function checkPages(titles: readonly PageTitle[]): Promise<string[]> {
  const problems: string[] = [];
  for (const title of titles) {
    await goTo(page, title);
    problems.push(...(await pageProblems(page, title)));
  }
  return problems;
}

describe('before a run', () => {
  test('pages are accessible and fit', async () => {
    expect(await checkPages(GENERAL)).toEqual([]);
  });

  test('nothing moves for those who asked for less motion, not even colors of another theme', async () => {
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    }
  });

  test('a broken list is kept and its line named', async () => {
    await goTo(page, 'Start');
    await giveFile(page, 'Prompt list file', 'list.jsonl', '{"prompt":"a red circle"}\n{oops\n');
    expect(await alertCodes(page)).toEqual(['prompts-malformed']);
    expect(await page.getByRole('textbox', { name: 'Prompt list' }).inputValue()).toContain('{oops');
    expect(
      await page.getByRole('main').getByRole('button', { name: 'Start', exact: true }).isDisabled(),
    ).toBe(true);
    await page.getByRole('textbox', { name: 'Prompt list' }).fill('{"prompt":"a red circle"}\n');
    expect(await alertCodes(page)).toEqual([]);
  });

  test('a list typed before a reload is there after it', async () => {
    await page.getByRole('textbox', { name: 'Prompt list' }).fill('a red circle\na blue ring');
    await page.reload();
    await waitForEngine(page);
    expect(await page.getByRole('textbox', { name: 'Prompt list' }).inputValue()).toBe(
      'a red circle\na blue ring',
    );
  });

  test.each([
    ['empty', '', 'prompts-empty'],
    ['binary', 'PK\u0003\u0004\u0000\u0000', 'prompts-not-text'],
  ])('an %s file does not take the place of a list', async (_, content, code) => {
    await giveFile(page, 'Prompt list file', 'list.txt', content);
    await page.locator(`[data-code=${code}]`).waitFor();
    expect(await page.getByRole('textbox', { name: 'Prompt list' }).inputValue()).toContain('a red circle');
    await page.getByRole('button', { name: /^Dismiss/ }).click();
  });

  test('a wrong run file changes nothing and says which value is wrong', async () => {
    const before = page.url();
    await giveFile(page, 'Run file', 'run.json', JSON.stringify({ ...TINY_RUN, seed: -1 }));
    await page.locator('[data-code=run-file-invalid]').waitFor();
    expect(await page.locator('[data-code=run-file-invalid]').textContent()).toContain('seed');
    expect(page.url()).toBe(before);
    await page.getByRole('button', { name: /^Dismiss/ }).click();
  });

  test('a pasted address brings its settings, and back leads to the page before', async () => {
    await page.goto(`${studio.url}#v=1&page=settings&preset=paper&sampling.steps=30&unknown=1`);
    await page.locator('[data-page=settings]').waitFor();
    expect(await page.getByRole('textbox', { name: 'Steps', exact: true }).inputValue()).toBe('30');
    expect(await page.getByRole('radio', { name: 'Paper', exact: true }).isChecked()).toBe(true);
    expect(page.url()).not.toContain('unknown');
    await goTo(page, 'Model');
    await page.goBack();
    await page.locator('[data-page=settings]').waitFor();
    expect(page.url()).toContain('sampling.steps=30');
  });
});

describe('a run', () => {
  beforeAll(async () => {
    await goTo(page, 'Start');
    await giveFile(page, 'Run file', 'tiny.json', JSON.stringify(TINY_RUN));
    await page.getByRole('main').getByRole('button', { name: 'Start', exact: true }).click();
    await page.locator('[data-status=done], [data-status=failed]').waitFor({ timeout: 240_000 });
  });

  test('ends well and shows itself accessibly on every page', async () => {
    expect(await page.locator('[data-stage]').getAttribute('data-status')).toBe('done');
    expect(await checkPages(STAGES)).toEqual([]);
  });

  test('keeps the selection it trained on until that is unlocked', async () => {
    await goTo(page, 'Select');
    await page.locator('[data-row="0"] [data-frame]').nth(1).click();
    expect(await page.locator('[data-row="0"] [data-picked=true]').count()).toBe(TINY_RUN.selection.keep);
    await page.getByRole('button', { name: 'Change the selection' }).click();
  });

  test('is selected by keyboard alone', async () => {
    const first = page.locator('[data-row="0"] [data-frame]');
    expect(await first.nth(0).getAttribute('aria-pressed')).toBe('true');
    await first.nth(0).focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Space');
    expect(await first.nth(1).getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press('ArrowDown');
    const focused = await page.evaluate(() =>
      document.activeElement?.closest('[data-row]')?.getAttribute('data-row'),
    );
    expect(focused).toBe('1');
    await page.getByRole('button', { name: 'Undo hand choices of 1 prompt' }).click();
    expect(await first.nth(1).getAttribute('aria-pressed')).toBe('false');
  });

  test('goes back to training then, and is still there after a reload', async () => {
    await page.reload();
    await waitForEngine(page);
    await page.locator('[data-page=select][data-status=paused]').waitFor();
    expect(await page.locator('[data-row="0"] [data-frame]').count()).toBe(TINY_RUN.selection.candidates);
  });

  test('that another tab works on is shown as such, until that tab is through', async () => {
    const id = /run=([\w.:-]+)/.exec(page.url())?.[1] ?? '';
    const other = await studio.context.newPage();
    await other.goto(`${studio.url}models/shapes/model_index.json`);
    // What an engine holds, and what its page waits for.
    await other.evaluate((run) => {
      const engine = 'mi-tune-engine-other';
      for (const name of [engine, run])
        void navigator.locks.request(name, () => new Promise(() => undefined));
      void navigator.locks.request(engine, () => undefined);
    }, `mi-tune-run-${id}`);
    await page.locator('[data-status=elsewhere]').waitFor();
    await goTo(page, 'Start');
    expect(await page.getByRole('main').innerText()).toContain('Worked on in another tab');
    expect(await page.getByRole('button', { name: /^Continue/ }).count()).toBe(0);
    expect(await page.getByRole('button', { name: /^Delete / }).isDisabled()).toBe(true);
    await other.close();
    await page.locator('[data-status=paused]').waitFor();
  });

  test('is deleted only after a question', async () => {
    await goTo(page, 'Start');
    await page.getByRole('button', { name: /^Delete / }).click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    // The question fades out; until then its own button is there too.
    const deletes = () => page.getByRole('button', { name: /^Delete / }).count();
    await expect.poll(deletes, PATIENT).toBe(1);
    await page.getByRole('button', { name: /^Delete / }).click();
    await page.getByRole('button', { name: 'Delete run' }).click();
    await page.locator('[data-status=idle]').waitFor();
    await expect.poll(deletes, PATIENT).toBe(0);
  });
});

test('nothing went wrong unseen', () => {
  expect(printed).toEqual([]);
});
