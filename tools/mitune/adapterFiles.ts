// Fetches the adapter in the formats asked for, by the buttons that users press.

import { join } from 'node:path';
import type { Page } from 'playwright';
import { EXPORT_TITLES, type ExportName } from '../../src/contract/adapterFiles.ts';

/** Working out singular values of a large model, or writing it whole, takes its time. */
const PATIENCE_MS = 60 * 60_000;
const DOWNLOAD_MS = 10 * 60_000;

/** Saves what a click downloads under its own name. @returns its path */
export async function saveDownload(page: Page, button: string, out: string, name?: string): Promise<string> {
  await dismissAlerts(page);
  const failed = page.locator('[role=alert] [data-code]').first();
  const [download] = await Promise.all([
    Promise.race([
      page.waitForEvent('download', { timeout: DOWNLOAD_MS }),
      failed.waitFor({ timeout: DOWNLOAD_MS }).then(async () => {
        throw new Error(`${button}: ${(await failed.innerText()).trim()}`);
      }),
    ]),
    page.getByRole('button', { name: button, exact: true }).click(),
  ]);
  const path = join(out, name ?? download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

/** @returns whether there is an adapter */
export async function collectAdapter(
  page: Page,
  out: string,
  formats: readonly ExportName[],
): Promise<boolean> {
  const ready = page.getByRole('button', { name: 'Download adapter', exact: true });
  if (!(await ready.isEnabled())) return false;
  for (const format of formats) {
    const title = EXPORT_TITLES[format];
    if (format === 'diffusers') {
      tell(await saveDownload(page, 'Download adapter', out));
      continue;
    }
    await dismissAlerts(page);
    await page.getByRole('button', { name: `Prepare ${title}`, exact: true }).click();
    const save = page.getByRole('button', { name: `Save ${title}`, exact: true });
    const failed = page.locator('[role=alert] [data-code]').first();
    await save.or(failed).first().waitFor({ timeout: PATIENCE_MS });
    if ((await save.count()) === 0) {
      console.error(`The ${title} could not be made: ${(await failed.innerText()).trim()}`);
      continue;
    }
    // What is lost, before it is saved.
    const row = page.getByRole('listitem').filter({ has: save });
    for (const line of await row.getByRole('status').locator('p').allInnerTexts())
      console.log(`${title}: ${line}`);
    tell(await saveDownload(page, `Save ${title}`, out));
  }
  return true;
}

/** So that what is on show afterwards is about what was asked last; notes of the run were printed when it ended. */
async function dismissAlerts(page: Page): Promise<void> {
  const dismiss = page.getByRole('button', { name: /^Dismiss/ });
  while ((await dismiss.count()) > 0) await dismiss.first().click();
}

/** Says where a file is, and what its name says about it. */
function tell(path: string): void {
  console.log(`wrote ${path}`);
  if (path.includes('.untrained-step-0')) {
    console.log(
      'Note: no checkpoint was better than the start on the held-out images, so this adapter is the one of step 0: ' +
        'it leaves the model as its round began with. Try more images or steps.',
    );
  }
}
