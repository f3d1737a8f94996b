// How tests read and drive the page: by the names its users see, and by the state attributes of its root.

import { readFileSync } from 'node:fs';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright';
import type { MiTuneSpec } from '../../src/contract/spec.ts';
import { type LaunchOptions, launchStudio, type Studio } from '../../tools/lib/launch.ts';

const AXE_SOURCE = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export type PageTitle =
  | 'Start'
  | 'Model'
  | 'Adapters'
  | 'Settings'
  | 'Storage'
  | 'Survey'
  | 'Build'
  | 'Select'
  | 'Agreement'
  | 'Train'
  | 'Compare'
  | 'Download';

/** A run of seconds on the built-in model. */
export const TINY_RUN: MiTuneSpec = {
  version: 1,
  preset: 'custom',
  model: { kind: 'url', base: 'models/shapes-2/' },
  prompts: ['a red circle above a blue square', 'a green star and a white ring', 'a small cyan ring'],
  seed: 42,
  backend: 'wasm',
  sampling: { scheduler: 'ddpm', steps: 4, guidance: 4, batch: 4, size: null },
  score: { estimator: 'orthogonal', path: 'guided', weights: 'code', truncation: 50, noiseDraws: 1 },
  selection: { candidates: 4, keep: 1, rounds: 1, duplicates: 'keep', seeds: 'distinct', earlyStop: false },
  adapter: { kind: 'dora', rank: 2, textEncoder: false },
  training: {
    iterations: 4,
    batch: 2,
    accumulation: 1,
    learningRate: 1e-4,
    warmup: 0,
    clip: 1,
    weightDecay: 0.01,
    flushAtEpochEnd: false,
    freshAdapterEachRound: false,
    validationShare: 0.34,
    keepLast: false,
    checkpointEvery: 2,
    previewEvery: 2,
  },
  realImages: null,
};

/** Waits until the engine is ready, or has a large model to offer. @throws Error with the page's alerts when it failed */
export async function waitForEngine(page: Page): Promise<void> {
  const settled = ['ready', 'waiting', 'failed'].map((state) => `[data-engine=${state}]`).join();
  await page.locator(settled).waitFor({ timeout: 120_000 });
  if ((await page.locator('[data-engine=failed]').count()) > 0)
    throw new Error((await alertTexts(page)).join('\n'));
}

/** A studio on wasm whose engine is ready. */
export async function openStudio(options: Omit<LaunchOptions, 'backend'> = {}): Promise<Studio> {
  const studio = await launchStudio({ backend: 'wasm', ...options });
  try {
    await studio.page.goto(studio.url);
    await waitForEngine(studio.page);
    return studio;
  } catch (error) {
    await studio.close();
    throw error;
  }
}

export async function goTo(page: Page, title: PageTitle): Promise<void> {
  await page.getByRole('banner').getByRole('button', { name: title, exact: true }).click();
  await page.locator(`[data-page=${title.toLowerCase()}]`).waitFor();
  // Some pages are loaded when they are first opened.
  await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor();
}

/** Fills a file input by its name. */
export async function giveFile(page: Page, input: string, name: string, content: string): Promise<void> {
  const file = { name, mimeType: 'application/octet-stream', buffer: Buffer.from(content) };
  await page.getByLabel(input, { exact: true }).setInputFiles(file);
}

/**
 * As `giveFile`, without Playwright's handle of the input: the browser would keep that, and with it the page's elements
 * around it, for as long as the page lives.
 */
export async function giveFileUnheld(
  page: Page,
  input: string,
  name: string,
  content: string,
): Promise<void> {
  await page.evaluate(
    ([label, fileName, text]) => {
      const field = document.querySelector<HTMLInputElement>(`input[aria-label="${label}"]`);
      if (field === null) throw new Error(`There is no input ${label}.`);
      const given = new DataTransfer();
      given.items.add(new File([text], fileName));
      field.files = given.files;
      field.dispatchEvent(new Event('change', { bubbles: true }));
    },
    [input, name, content] as const,
  );
}

/** Codes of the errors on show. */
export async function alertCodes(page: Page): Promise<string[]> {
  return page
    .locator('[data-code]')
    .evaluateAll((cards) => cards.map((card) => card.getAttribute('data-code') ?? ''));
}

async function alertTexts(page: Page): Promise<string[]> {
  return page.locator('[data-code]').allTextContents();
}

/** Accessibility rules the page breaks in its present state, each with the first offending element and what is wrong with it. */
async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(AXE_SOURCE);
  const results = await page.evaluate((tags) => {
    const { axe } = window as unknown as {
      axe: { run(root: Document, options: object): Promise<AxeResults> };
    };
    return axe.run(document, { runOnly: tags });
  }, AXE_TAGS);
  return results.violations.map(
    ({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200) ?? ''} ${nodes[0]?.failureSummary ?? ''}`,
  );
}

/** Waits until the browser has drawn what was just changed. */
export async function settle(page: Page): Promise<void> {
  await page.evaluate(
    () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
  );
}

/** Pixels by which the page is wider than its window. */
async function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 390, height: 844 };

/** What is wrong with the page as it stands: broken accessibility rules and pixels too wide, in both themes at both widths. */
export async function pageProblems(page: Page, title: string): Promise<string[]> {
  const problems: string[] = [];
  for (const size of [WIDE, NARROW]) {
    await page.setViewportSize(size);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await settle(page);
      const found = await axeViolations(page);
      problems.push(...found.map((text) => `${title}, ${colorScheme}, ${size.width}: ${text}`));
    }
    const wide = await overflow(page);
    if (wide > 0) problems.push(`${title} at ${size.width}: ${wide} pixels too wide`);
  }
  await page.setViewportSize(WIDE);
  return problems;
}
