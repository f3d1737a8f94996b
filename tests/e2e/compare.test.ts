// Several ways of drawing side by side without a run: columns, their cost and scores, kept over a reload.

import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Studio } from '../../tools/lib/launch.ts';
import { goTo, openStudio, pageProblems, WIDE, waitForEngine } from '../helpers/studioPage.ts';

const PROMPT = 'a red circle above a blue square';
const PATIENT = { timeout: 240_000 };
const METHODS = ['Semantic-aware guidance (S-CFG)', 'Structured Diffusion Guidance'] as const;

let studio: Studio;
let page: Page;
beforeAll(async () => {
  studio = await openStudio();
  page = studio.page;
  await page.setViewportSize(WIDE);
});
afterAll(() => studio?.close());

/** Chooses in a list, and waits until it has closed over the choice: the next click would only close it. */
async function choose(label: string, option: string): Promise<void> {
  const box = page.getByRole('combobox', { name: label, exact: true });
  await box.click();
  await page.getByRole('option', { name: option }).click();
  await page.getByRole('listbox').waitFor({ state: 'hidden' });
  await expect.poll(() => box.textContent(), PATIENT).toContain(option);
}

const table = () => page.getByRole('region', { name: 'Comparison' });

async function expectTable(): Promise<void> {
  await table().waitFor(PATIENT);
  const heads = await table().getByRole('columnheader').allTextContents();
  expect(heads.slice(1)).toEqual(['Base model', ...METHODS.map((name) => `Base model, ${name}`)]);
  const costs = table().getByRole('row', { name: /^Network evaluations/ });
  expect(await costs.getByRole('cell').allTextContents()).toEqual(['60', 'at most 60', 'at most 60']);
  expect(await table().getByRole('img').count()).toBe(3);
}

test('columns of methods stand beside one another, with cost and scores', async () => {
  await goTo(page, 'Compare');
  await page.getByLabel('Prompts, one a line').fill(PROMPT);
  await page.getByRole('textbox', { name: 'Images per prompt' }).fill('1');
  await page.getByRole('textbox', { name: 'Images per prompt' }).blur();
  await page.getByRole('button', { name: 'Add a column' }).click();
  await choose('Way of drawing of column 2', METHODS[0]);
  await choose('Way of drawing of column 3', METHODS[1]);
  await page.getByRole('button', { name: `Options of ${METHODS[1]}` }).click();
  expect(await pageProblems(page, 'Compare')).toEqual([]);
  await page.getByRole('button', { name: 'Draw 3 images' }).click();
  await expectTable();
  expect(await pageProblems(page, 'Compare, drawn')).toEqual([]);
});

test('columns are removed', async () => {
  await page.getByRole('button', { name: 'Remove column 3' }).click();
  await expect.poll(() => page.getByRole('button', { name: /^Remove column/ }).count(), PATIENT).toBe(2);
});

test('what was drawn without a run is there after a reload, and listed where it can be deleted', async () => {
  await page.reload();
  await waitForEngine(page);
  await goTo(page, 'Compare');
  await expectTable();
  await goTo(page, 'Storage');
  await page.getByText('comparisons/without-a-run').waitFor(PATIENT);
});
