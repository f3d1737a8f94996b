// How the page behaves between actions: where the keyboard's focus is, where a page begins, what is said before a run.

import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchStudio, type Studio } from '../../tools/lib/launch.ts';
import { giveFile, goTo, NARROW, TINY_RUN, WIDE, waitForEngine } from '../helpers/studioPage.ts';

const PATIENT = { timeout: 60_000 };

let studio: Studio;
let page: Page;

beforeAll(async () => {
  studio = await launchStudio({ backend: 'wasm' });
  page = studio.page;
  page.on('dialog', (dialog) => void dialog.accept());
  await page.goto(studio.url);
  await waitForEngine(page);
});

afterAll(async () => {
  await studio?.close();
});

const button = (name: string) => page.getByRole('button', { name, exact: true });
/** What the focused element is called; `body` where the focus was lost. */
const focused = () =>
  page.evaluate(() => {
    const { activeElement: element } = document;
    if (element === null || element === document.body) return 'body';
    return element.getAttribute('aria-label') ?? element.id;
  });

test('a chosen example leaves the keyboard in the list', async () => {
  await page.getByText('Or begin with an example').waitFor(PATIENT);
  await page.locator('main li > button').first().focus();
  await page.keyboard.press('Enter');
  await expect.poll(focused, PATIENT).toBe('Prompt list');
});

test('prompts longer than the model reads are named before the start', async () => {
  const long = `a red circle ${'and a blue square '.repeat(20)}`.trim();
  await page.getByRole('textbox', { name: 'Prompt list' }).fill(`a red circle\n${long}\na green star`);
  await page.getByText(/^Line 2 has \d+ tokens; the model reads \d+ of a prompt/).waitFor(PATIENT);
  await page.getByRole('textbox', { name: 'Prompt list' }).fill('a red circle');
  await expect.poll(() => page.getByText(/has \d+ tokens/).count(), PATIENT).toBe(0);
});

test.each([WIDE, NARROW])('each page begins at its top ($width pixels wide)', async (size) => {
  await page.setViewportSize(size);
  const scrolled = () =>
    page.evaluate(() => Math.max(...[...document.querySelectorAll('*')].map((element) => element.scrollTop)));
  const scrollTo = async (y: number) => {
    await page.mouse.move(size.width / 2, size.height / 2);
    await page.mouse.wheel(0, y);
    await expect.poll(scrolled, PATIENT).toBeGreaterThan(0);
  };
  await goTo(page, 'Settings');
  await scrollTo(1500);
  await goTo(page, 'Model');
  await expect.poll(scrolled, PATIENT).toBe(0);
  await scrollTo(400);
  await page.goBack();
  await page.locator('[data-page=settings]').waitFor();
  await page.waitForTimeout(500);
  expect(await scrolled()).toBe(0);
  await page.setViewportSize(WIDE);
});

test('Start and Pause leave the keyboard where the run is', async () => {
  await goTo(page, 'Start');
  const run = { ...TINY_RUN, selection: { ...TINY_RUN.selection, candidates: 40 } };
  await giveFile(page, 'Run file', 'run.json', JSON.stringify(run));
  const start = page.getByRole('main').getByRole('button', { name: 'Start', exact: true });
  await start.focus();
  await page.keyboard.press('Enter');
  await page.locator('[data-page=build]').waitFor(PATIENT);
  await expect.poll(focused, PATIENT).toBe('content');
  await button('Pause').focus();
  await page.keyboard.press('Enter');
  await button('Continue').waitFor(PATIENT);
  expect(await focused()).toBe('Open run');
  await page.keyboard.press('Tab');
  expect(await button('Continue').evaluate((element) => element === document.activeElement)).toBe(true);
});

test('after a reload in the middle of work the run is this tab’s own, and goes on', async () => {
  await button('Continue').click();
  await button('Pause').waitFor(PATIENT);
  await page.evaluate(() => {
    addEventListener('pagehide', () => sessionStorage.setItem('seen', '[]'));
  });
  await page.addInitScript(() => {
    const seen = new Set<string>();
    setInterval(() => {
      seen.add(document.querySelector<HTMLElement>('[data-status]')?.dataset.status ?? 'none');
      sessionStorage.setItem('seen', JSON.stringify([...seen]));
    }, 20);
  });
  await page.reload();
  await button('Continue').waitFor(PATIENT);
  await button('Continue').click();
  await page.locator('[data-status=running]').waitFor(PATIENT);
  await button('Pause').waitFor(PATIENT);
  await page.waitForTimeout(3000);
  const seen = await page.evaluate(() => sessionStorage.getItem('seen'));
  expect(seen).not.toContain('elsewhere');
  expect(seen).not.toContain('failed');
  await button('Pause').click();
  await button('Continue').waitFor(PATIENT);
});

test('an engine that ends in the middle of a run is started again, which is said, and the run goes on by itself', async () => {
  await button('Continue').click();
  await page.locator('[data-status=running]').waitFor(PATIENT);
  const [engine] = page.workers();
  // It answers no more.
  await engine?.evaluate(() => self.close()).catch(() => undefined);
  await page.locator('[data-code=engine-died]').first().waitFor(PATIENT);
  await page.locator('[data-status=done]').waitFor({ timeout: 300_000 });
  expect(page.workers()[0]).not.toBe(engine);
});

test('what a prompt speaks of is found, corrected, and taken back', async () => {
  await page.goto(`${studio.url}#v=1&page=settings&method=attend-and-excite`);
  await page.reload();
  await waitForEngine(page);
  await goTo(page, 'Start');
  const list = page.getByRole('textbox', { name: 'Prompt list' });
  await list.fill('a red circle above a blue square\na green star');
  await goTo(page, 'Settings');
  await button('What the prompts speak of').click();
  const objects = page.getByLabel('Objects: a red circle above a blue square', { exact: true });
  await expect.poll(() => objects.inputValue(), PATIENT).toBe('circle\nsquare');
  await objects.fill('circle');
  await page.getByText('Changed for 1 of 2 prompts.').waitFor();
  await button('Take what was found: a red circle above a blue square').click();
  await expect.poll(() => objects.inputValue()).toBe('circle\nsquare');
  expect(await page.getByText('Changed for').count()).toBe(0);
});
