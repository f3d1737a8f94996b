// Several ways of drawing side by side without a run, and what prompts speak of, to be corrected.

import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchStudio, type Studio } from '../../tools/lib/launch.ts';
import { goTo, pageProblems, WIDE, waitForEngine } from '../helpers/studioPage.ts';

const PROMPT = 'a red circle above a blue square';
const PATIENT = { timeout: 240_000 };

let studio: Studio;
let page: Page;
beforeAll(async () => {
  studio = await launchStudio({ backend: 'wasm' });
  page = studio.page;
  await page.setViewportSize(WIDE);
  await page.goto(studio.url);
  await waitForEngine(page);
});
afterAll(() => studio?.close());

async function choose(label: string, option: string): Promise<void> {
  await page.getByRole('combobox', { name: label, exact: true }).click();
  await page.getByRole('option', { name: option }).click();
}

test('columns of adapters and methods stand beside one another, with cost and scores', async () => {
  // It works for adapters alone, too, but the rail has it for runs.
  await page.goto(`${studio.url}#page=compare`);
  await page.locator('[data-page=compare]').waitFor();
  await waitForEngine(page);
  await page.getByLabel('Prompts, one a line').fill(PROMPT);
  await page.getByRole('button', { name: 'Add a column' }).click();
  await choose('Way of drawing of column 2', 'Semantic-aware guidance (S-CFG)');
  await choose('Way of drawing of column 3', 'Structured Diffusion Guidance');
  await page.getByRole('button', { name: 'Options of Structured Diffusion Guidance' }).click();
  expect(await pageProblems(page, 'Compare')).toEqual([]);
  await page.getByRole('button', { name: 'Draw 6 images' }).click();
  const table = page.getByRole('region', { name: 'Comparison' });
  await table.waitFor(PATIENT);
  await expect.poll(() => table.getByRole('img').count(), PATIENT).toBe(6);
  const heads = await table.getByRole('columnheader').allTextContents();
  expect(heads.slice(1)).toEqual([
    'Base model',
    'Base model, Semantic-aware guidance (S-CFG)',
    'Base model, Structured Diffusion Guidance',
  ]);
  const costs = await table
    .getByRole('row', { name: /^Network evaluations/ })
    .getByRole('cell')
    .allTextContents();
  expect(costs).toEqual(['60', 'at most 60', 'at most 60']);
  expect(await pageProblems(page, 'Compare, drawn')).toEqual([]);
});

test('columns are removed', async () => {
  await page.getByRole('button', { name: 'Remove column 3' }).click();
  expect(await page.getByRole('button', { name: /^Remove column/ }).count()).toBe(2);
});

test('objects and noun phrases of every prompt are shown and corrected', async () => {
  await goTo(page, 'Start');
  await page.getByRole('textbox', { name: 'Prompt list' }).fill(PROMPT);
  await goTo(page, 'Settings');
  await choose('Method', 'Attend-and-Excite');
  await page.getByRole('button', { name: 'What the prompts speak of' }).click();
  const objects = page.getByRole('textbox', { name: `Objects: ${PROMPT}` });
  await expect.poll(() => objects.inputValue(), PATIENT).toBe('circle\nsquare');
  await objects.fill('circle\ntriangle');
  await page.getByText('Not in the prompt, and without effect: triangle.').waitFor();
  expect(await pageProblems(page, 'Settings, readings')).toEqual([]);
  await page.getByRole('button', { name: `Take what was found: ${PROMPT}` }).click();
  expect(await objects.inputValue()).toBe('circle\nsquare');
});
