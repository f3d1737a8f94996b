// What npm run mitune does on the page before and while a run works: it waits, presses Start, and reads what the page says.

import { resolve } from 'node:path';
import type { Page } from 'playwright';
import { StudioError } from '../../src/lib/errors.ts';
import type { Studio } from '../lib/launch.ts';

const POLL_MS = 500;
const REPORT_EVERY_MS = 10_000;
const PATIENCE_MS = 60_000;
/** What the page complains of before the run works may pass: another tab that lets go, a connection that comes back. */
const COMPLAINT_MS = 20_000;

export async function openPage({ page, url, failed }: Studio): Promise<void> {
  // Nobody looks: drawing transitions without a GPU takes time from the network.
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(url);
  await Promise.race([
    page.waitForSelector('[data-engine=ready], [role=alert]', { timeout: 120_000 }),
    failed,
  ]);
}

/** Presses Start once the page has taken everything, and waits for the run to begin. */
export async function start(page: Page): Promise<void> {
  const button = page.getByRole('main').getByRole('button', { name: 'Start', exact: true });
  for (let waited = 0; !(await button.isEnabled()); waited += POLL_MS) {
    await refuseComplaints(page);
    if (waited >= PATIENCE_MS) throw new Error('The page does not let the run start.');
    await page.waitForTimeout(POLL_MS);
  }
  await button.click();
  // A large model takes its time to load, and only then there is a run.
  const begun = ['running', 'paused', 'failed', 'done'].map((status) => `[data-status=${status}]`).join();
  while ((await page.locator(begun).count()) === 0) {
    await refuseComplaints(page);
    await page.waitForTimeout(POLL_MS);
  }
}

/** @throws StudioError with what the page complains about */
async function refuseComplaints(page: Page): Promise<void> {
  const complaints = await alerts(page);
  if (complaints.length > 0)
    throw new StudioError('not-begun', `${complaints.join('\n')}\n`, { remedy: 'No run was begun.' });
}

export async function chooseRealImages(page: Page, real: { folder: string; share: number }): Promise<void> {
  await page.getByRole('navigation').getByText('Settings', { exact: true }).click();
  await page.getByLabel('Image folder').setInputFiles(resolve(real.folder));
  const share = page.getByRole('textbox', { name: 'Share of real images' });
  while ((await share.count()) === 0) {
    await refuseComplaints(page);
    await page.waitForTimeout(POLL_MS);
  }
  await share.fill(String(real.share));
  await share.press('Tab');
  await page.getByRole('navigation').getByText('Start', { exact: true }).click();
}

/** Prints progress until the run stops; true when it is done. */
export async function follow(page: Page): Promise<boolean> {
  let printed = '';
  let printedAt = 0;
  let started = false;
  let complainsSince: number | null = null;
  for (;;) {
    const { status, stage, title } = await page.evaluate(() => {
      const root = document.querySelector<HTMLElement>('[data-status]');
      return { status: root?.dataset.status ?? '', stage: root?.dataset.stage ?? '', title: document.title };
    });
    started ||= status === 'running';
    const line = `${stage.padEnd(9)} ${title}`;
    if (stage !== printed || Date.now() - printedAt > REPORT_EVERY_MS) {
      console.log(line);
      printed = stage;
      printedAt = Date.now();
    }
    if (status === 'done') return true;
    if (status === 'failed' || (started && status === 'paused')) return false;
    complainsSince = !started && (await alerts(page)).length > 0 ? (complainsSince ?? Date.now()) : null;
    if (complainsSince !== null && Date.now() - complainsSince > COMPLAINT_MS) return false;
    await page.waitForTimeout(POLL_MS);
  }
}

/** What the page complains about. */
export async function alerts(page: Page): Promise<string[]> {
  const texts = await page.locator('[role=alert]').allInnerTexts();
  return texts.map((text) => text.trim()).filter((text) => text !== '');
}
