// Makes survey packs through the page, and looks into them.

import { readFileSync } from 'node:fs';
import type { Locator, Page } from 'playwright';
import { expect } from 'vitest';
import { bytesSource } from '../../src/lib/bytes.ts';
import { openPack, type SurveyPack } from '../../src/survey/pack.ts';
import { TINY_RUN } from './studioPage.ts';

/** Its images are noised again, so that the pool has both estimates. */
export const SURVEY_RUN = {
  ...TINY_RUN,
  prompts: [...TINY_RUN.prompts, 'a yellow cross', 'a blue star below a red ring'],
  score: { ...TINY_RUN.score, path: 'renoise' },
};

/** Starts the run of the settings on the start page and waits for its set. */
export async function buildSet(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Build the set only' }).click();
  await page.locator('[data-status=running]').waitFor();
  await page.locator('[data-status=paused], [data-status=failed]').waitFor({ timeout: 240_000 });
}

export async function saveDownload(page: Page, button: Locator, path: string): Promise<void> {
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  await download.saveAs(path);
}

/** Makes the pack that the page asks for, once its images are known. */
export async function savePack(page: Page, path: string): Promise<SurveyPack> {
  const button = page.getByRole('button', { name: 'Download the pack' });
  await expect.poll(() => button.isEnabled(), { timeout: 30_000 }).toBe(true);
  await saveDownload(page, button, path);
  return openPack(bytesSource(new Uint8Array(readFileSync(path)), path));
}
