// The download into the browser's storage, with a connection cut and a reload of the page on the way.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelSource } from '../../src/sources/types.ts';
import { callEngine } from './enginePage.ts';
import { openPage } from './openPage.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { PhaseOutcome } from './report.ts';

const UNET = '/unet/diffusion_pytorch_model.safetensors';
/** Share of the UNet's file after which the server cuts the connection, once. */
const CUT_AT = 0.4;
/** Share of all bytes at which the page is reloaded in the middle of the work. */
const RELOAD_AT = 0.55;
/** Of the small model, whose bytes would all be there before anyone could interrupt. */
const TINY_BYTES_PER_SECOND = 400_000;

export async function download(rehearsal: Rehearsal): Promise<PhaseOutcome> {
  const { folder, server, studio, log, options } = rehearsal;
  const { page } = studio;
  const source: ModelSource = { kind: 'url', url: server.url };
  const request = { source, token: null };
  const plan = await callEngine(page, 'planDownload', request);
  log(
    `download: ${plan.files.length} files, ${Math.round(plan.sizeBytes / 1e6)} MB, ${plan.storedBytes} bytes are there.`,
  );
  const firstRequest = server.requests.length;
  let interrupted = plan.storedBytes > 0;
  if (plan.storedBytes === 0) {
    server.misbehave(UNET, {
      cutAfterBytes: Math.round(CUT_AT * statSync(join(folder, UNET)).size),
      times: 1,
    });
    if (options.model === 'tiny') server.misbehave('*', { bytesPerSecond: TINY_BYTES_PER_SECOND });
    interrupted = await downloadUntil(rehearsal, source, RELOAD_AT);
    server.misbehave('*', null);
    server.misbehave(UNET, null);
  }
  const { models } = await callEngine(page, 'stored', {});
  const partial = models.find((m) => m.id === plan.id);
  log(`download: ${partial?.storedBytes ?? 0} bytes are there after the interruption; going on.`);
  const item = await callEngine(page, 'downloadModel', request, progressLines(rehearsal));
  rehearsal.remember({ modelId: item.id });
  const continued = server.requests
    .slice(firstRequest)
    .filter(({ path, range }) => path === UNET && range !== null && !range.startsWith('bytes=0-'));
  return {
    facts: {
      bytes: item.storedBytes,
      'bytes before the interruption': partial?.storedBytes ?? 0,
      'requests that went on in the middle of the UNet': continued.length,
    },
    checks: [
      { name: 'the download was interrupted', ok: interrupted },
      {
        name: 'what had arrived was kept',
        ok: (partial?.storedBytes ?? 0) > 0 && partial?.complete === false,
      },
      { name: 'it went on by range', ok: continued.some(({ status }) => status === 206) },
      { name: 'the model is complete', ok: item.complete && item.storedBytes === plan.sizeBytes },
    ],
  };
}

/** Reloads the page when that share has arrived; false when all was there before. */
async function downloadUntil(rehearsal: Rehearsal, source: ModelSource, share: number): Promise<boolean> {
  const { page } = rehearsal.studio;
  const report = progressLines(rehearsal);
  let reach: (reached: true) => void = () => undefined;
  const reached = new Promise<true>((resolve) => {
    reach = resolve;
  });
  const finished = callEngine(page, 'downloadModel', { source, token: null }, (progress) => {
    report(progress);
    if (progress.done >= share * progress.total) reach(true);
  }).then(() => false as const);
  // Its page is about to go.
  finished.catch(() => undefined);
  if (!(await Promise.race([reached, finished]))) return false;
  rehearsal.log('download: reloading the page in the middle of it.');
  await openPage(rehearsal.studio, rehearsal.options.backend);
  return true;
}

function progressLines({
  log,
}: Rehearsal): (progress: { done: number; total: number; note?: string }) => void {
  let told = '';
  let toldAt = 0;
  return ({ done, total, note = '' }) => {
    if (note === told && performance.now() - toldAt < 5000) return;
    told = note;
    toldAt = performance.now();
    log(`download: ${Math.round(done / 1e6)} of ${Math.round(total / 1e6)} MB. ${note}`);
  };
}
