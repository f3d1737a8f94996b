// The download into the browser's storage as a user does it, with a connection cut and a reload of the page on the way.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { callEngine } from './enginePage.ts';
import { openPage } from './openPage.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { PhaseOutcome } from './report.ts';

const UNET = '/unet/diffusion_pytorch_model.safetensors';
/** Share of the UNet's file after which the server cuts the connection, once. */
const CUT_AT = 0.4;
/** Percent of all bytes at which the page is reloaded in the middle of the work. */
const RELOAD_AT = 55;
/** Of the small model, whose bytes would all be there before anyone could interrupt. */
const TINY_BYTES_PER_SECOND = 300_000;
const POLL_MS = 100;

export async function download(rehearsal: Rehearsal): Promise<PhaseOutcome> {
  const { folder, server, studio, log, options } = rehearsal;
  const { page } = studio;
  const known = (await callEngine(page, 'stored', {})).models.find(({ source, complete }) => {
    return complete && source?.kind === 'url' && source.url === server.url;
  });
  if (known !== undefined) {
    rehearsal.remember({ modelId: known.id });
    return { facts: { bytes: known.storedBytes, 'there already': 'yes' }, checks: [] };
  }
  const firstRequest = server.requests.length;
  await goToModels(rehearsal);
  await page.getByLabel('Repository or address').fill(server.url);
  await page.getByRole('button', { name: 'Look it up' }).click();
  const offer = page.locator('li', { has: page.getByRole('checkbox') });
  await watched(rehearsal, offer.waitFor());
  const id = (await offer.getAttribute('data-model')) ?? '';
  const name = (await offer.getAttribute('aria-label')) ?? '';
  log(`download: ${(await offer.locator('section p').first().innerText()).trim()}`);
  server.misbehave(UNET, { cutAfterBytes: Math.round(CUT_AT * statSync(join(folder, UNET)).size), times: 1 });
  if (options.model === 'tiny') server.misbehave('*', { bytesPerSecond: TINY_BYTES_PER_SECOND });
  await offer.getByRole('checkbox').check();
  await offer.getByRole('button', { name: /^Download / }).click();
  const interrupted = await watched(rehearsal, follow(rehearsal, RELOAD_AT));
  log('download: reloading the page in the middle of it.');
  await openPage(studio, options);
  server.misbehave('*', null);
  server.misbehave(UNET, null);

  const before = await callEngine(page, 'stored', {});
  const partial = before.models.find((m) => m.id === id);
  log(`download: ${Math.round((partial?.storedBytes ?? 0) / 1e6)} MB are there; continuing.`);
  await goToModels(rehearsal);
  await watched(rehearsal, page.getByRole('button', { name: `Continue ${name}` }).click());
  const complete = page.getByRole('button', { name: `Use ${name}` }).waitFor();
  const told = follow(rehearsal, 101);
  await watched(rehearsal, complete);
  await told;
  const after = await callEngine(page, 'stored', {});
  const item = after.models.find((m) => m.id === id);
  if (item?.complete) rehearsal.remember({ modelId: id });
  const continued = server.requests
    .slice(firstRequest)
    .filter(
      ({ path, range, status }) => path === UNET && status === 206 && !/^bytes=0-/.test(range ?? 'bytes=0-'),
    );
  return {
    facts: {
      bytes: item?.storedBytes ?? 0,
      'bytes before the reload': partial?.storedBytes ?? 0,
      'requests that went on in the middle of the UNet': continued.length,
    },
    checks: [
      { name: 'the page was reloaded in the middle of the download', ok: interrupted },
      {
        name: 'what had arrived was kept',
        ok: (partial?.storedBytes ?? 0) > 0 && partial?.complete === false,
      },
      { name: 'the download went on by range after the cut', ok: continued.length > 0 },
      { name: 'the model is complete', ok: item?.complete === true && item.storedBytes === item.sizeBytes },
    ],
  };
}

export async function goToModels({ studio: { page } }: Rehearsal): Promise<void> {
  await page.getByRole('banner').getByRole('button', { name: 'Model', exact: true }).click();
  await page.locator('[data-page=model]').waitFor();
}

/** Prints what the page tells of the download, until it is at so many percent, or over: then false. */
async function follow({ studio: { page }, log }: Rehearsal, percent: number): Promise<boolean> {
  let told = '';
  let toldAt = 0;
  const running = page.locator('[data-download]');
  // A small rest may be fetched before anyone can look.
  await running.waitFor({ timeout: 10_000 }).catch(() => undefined);
  while ((await running.count()) > 0) {
    const text = (await running.innerText({ timeout: 1000 }).catch(() => '')).replaceAll(/\s+/g, ' ').trim();
    if (text !== told && performance.now() - toldAt > 5000) {
      told = text;
      toldAt = performance.now();
      log(`download: ${text}`);
    }
    if (Number(/^(\d+)\s?%/.exec(text)?.[1] ?? 0) >= percent) return true;
    await page.waitForTimeout(POLL_MS);
  }
  return false;
}

/** Ends with the page's complaint, should there be one first. */
export async function watched<T>({ studio }: Rehearsal, work: Promise<T>): Promise<T> {
  const alert = studio.page.locator('[role=alert]').filter({ hasText: /\S/ }).first();
  const complaint = alert.waitFor().then(async () => {
    throw new Error(`The page complains: ${(await alert.innerText()).replaceAll(/\s+/g, ' ')}`);
  });
  // Once the work is done, nobody waits for complaints.
  complaint.catch(() => undefined);
  return Promise.race([work, complaint, studio.failed]);
}
