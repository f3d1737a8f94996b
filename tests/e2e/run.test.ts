// The whole job through the page, as a user does it: drop a list, build, lose the page in the middle, go on, train,
// download, and load the adapter back.

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSafetensors } from '../../src/formats/safetensors.ts';
import { bytesSource } from '../../src/lib/bytes.ts';
import { DIST } from '../../tools/lib/buildApp.mjs';
import type { Studio } from '../../tools/lib/launch.ts';
import { callEngine } from '../../tools/rehearse/enginePage.ts';
import { alertCodes, giveFile, goTo, openStudio, TINY_RUN, waitForEngine } from '../helpers/studioPage.ts';

const LIST =
  'a red circle and a blue square\r\na green star above a white ring\r\na small cyan ring\r\na red circle and a blue square\r\n';
const PROMPTS = 4;
/** to_q, to_k, to_v and to_out of two attentions in each of the model's seven transformer blocks. */
const TARGETS = 56;

let folder: string;
let studio: Studio;
let page: Page;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mi-tune-run-'));
  // A profile on disk: without one the browser keeps its storage in memory.
  studio = await openStudio({ userDataDir: folder });
  page = studio.page;
});

afterAll(async () => {
  await studio?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function status(): Promise<string> {
  return (await page.locator('[data-status]').first().getAttribute('data-status')) ?? '';
}

async function dropFile(name: string, content: string): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([fileName, text]) => {
      const data = new DataTransfer();
      data.items.add(new File([text as string], fileName as string));
      return data;
    },
    [name, content],
  );
  for (const type of ['dragenter', 'dragover', 'drop']) {
    await page.dispatchEvent('main', type, { dataTransfer: transfer });
  }
}

async function download(name: string): Promise<Uint8Array> {
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name, exact: true }).click(),
  ]);
  const path = join(folder, file.suggestedFilename());
  await file.saveAs(path);
  return new Uint8Array(readFileSync(path));
}

/** Pixels of the images on show, as text. */
async function pictures(): Promise<string[]> {
  return page
    .locator('main canvas')
    .evaluateAll((all) => all.map((canvas) => (canvas as HTMLCanvasElement).toDataURL()));
}

describe('a run from a dropped list to a loaded adapter', () => {
  let drawnBefore: number;
  let adapter: Uint8Array;
  let ownPictures: string[];

  test('a dropped list and a run file start a run', async () => {
    const settings = { ...TINY_RUN, sampling: { ...TINY_RUN.sampling, steps: 12 } };
    await giveFile(page, 'Run file', 'settings.json', JSON.stringify(settings));
    await dropFile('list.txt', LIST);
    await expect
      .poll(() => page.getByRole('textbox', { name: 'Prompt list' }).inputValue())
      .toContain('and a blue square');
    await page.getByRole('main').getByRole('button', { name: 'Start', exact: true }).click();
    await page.locator('[data-stage=pool][data-status=running]').waitFor({ timeout: 60_000 });
  });

  test('what was drawn survives a reload in the middle', async () => {
    const frames = page.locator('[data-row] canvas');
    await expect.poll(() => frames.count(), { timeout: 60_000 }).toBeGreaterThan(0);
    drawnBefore = await frames.count();
    await page.reload();
    await waitForEngine(page);
    expect(await status()).not.toBe('done');
    await goTo(page, 'Start');
    await page.getByRole('button', { name: /^Continue / }).click();
    await page.locator('[data-status=done], [data-status=failed]').waitFor({ timeout: 240_000 });
    expect(await status()).toBe('done');
  });

  test('the report counts every candidate once, duplicates kept', async () => {
    await goTo(page, 'Download');
    const report = JSON.parse(new TextDecoder().decode(await download('Download report')));
    const perPrompt = TINY_RUN.selection.candidates;
    expect(drawnBefore).toBeLessThan(PROMPTS * perPrompt);
    expect(report.candidates).toHaveLength(PROMPTS * perPrompt);
    const places = report.candidates.map(
      (c: { promptIndex: number; candidate: number }) => `${c.promptIndex}/${c.candidate}`,
    );
    expect(new Set(places).size).toBe(PROMPTS * perPrompt);
    expect(report.candidates.filter((c: { selected: boolean }) => c.selected)).toHaveLength(PROMPTS);
    expect(report.training.steps.map((s: { step: number }) => s.step)).toEqual([1, 2, 3, 4]);
    for (const { loss, gradNorm } of report.training.steps) {
      expect(loss).toBeGreaterThan(0);
      expect(gradNorm).toBeGreaterThan(0);
    }
    expect(report.evaluation).toHaveLength(1);
    expect(report.prompts.filter((p: { heldOut: boolean }) => p.heldOut).length).toBeGreaterThan(0);
  });

  test('the run file tells the model by its bytes, and a file of another one is noticed', async () => {
    const text = new TextDecoder().decode(await download('Download run file'));
    const { app, hashes } = JSON.parse(text) as { app: string; hashes: Record<string, string> };
    expect(app).toMatch(/^\d+\.\d+\.\d+/);
    for (const part of ['unet', 'vae', 'text_encoder'])
      expect(
        Object.keys(hashes).some((path) => path.startsWith(`${part}/`) && path.endsWith('.safetensors')),
      ).toBe(true);
    const vae = readFileSync(join(DIST, 'models/shapes-2/vae/config.json'));
    expect(hashes['vae/config.json']).toBe(createHash('sha256').update(vae).digest('hex'));
    await goTo(page, 'Start');
    await giveFile(page, 'Run file', 'same.json', text);
    await page.getByText('same.json opened').waitFor();
    expect(await alertCodes(page)).not.toContain('run-file-other-model');
    const other = { ...JSON.parse(text), hashes: { ...hashes, 'vae/config.json': 'a'.repeat(64) } };
    await giveFile(page, 'Run file', 'other.json', JSON.stringify(other));
    await page.locator('[data-code=run-file-other-model]').getByText('vae/config.json').first().waitFor();
    await page
      .getByRole('button', { name: /dismiss/i })
      .first()
      .click();
    await goTo(page, 'Download');
  });

  test('the adapter has the keys that diffusers reads', async () => {
    adapter = await download('Download last adapter');
    const file = await openSafetensors(bytesSource(adapter, 'adapter'));
    expect(file.entries.size).toBe(3 * TARGETS);
    const first = 'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
    expect(file.entries.get(`${first}.lora.down.weight`)?.shape).toEqual([TINY_RUN.adapter.rank, 64]);
    expect(file.entries.get(`${first}.lora.up.weight`)?.shape).toEqual([64, TINY_RUN.adapter.rank]);
    expect(file.entries.get(`${first}.lora_magnitude_vector`)?.shape).toEqual([64]);
    const up = await file.readF32(`${first}.lora.up.weight`);
    expect(up.some((x) => x !== 0)).toBe(true);
    expect(up.every(Number.isFinite)).toBe(true);
    expect(JSON.parse(file.metadata.lora_adapter_metadata ?? '')['unet.use_dora']).toBe(true);
  });

  test('loaded back, the best adapter draws the same pixels as in the run', async () => {
    const best = await download('Download adapter');
    await goTo(page, 'Compare');
    await page.getByLabel('Prompts, one a line').fill('a yellow cross');
    const draw = async (): Promise<string[]> => {
      const start = page.getByRole('button', { name: /^Draw \d+ images$/ });
      await start.click();
      await page.getByRole('button', { name: 'Stop' }).waitFor();
      await start.waitFor({ timeout: 120_000 });
      return pictures();
    };
    ownPictures = await draw();
    expect(ownPictures.length).toBeGreaterThan(1);
    await page.getByLabel('Adapter file').setInputFiles({
      name: 'best.safetensors',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(best),
    });
    await page.getByText('best.safetensors').first().waitFor();
    expect(await draw()).toEqual(ownPictures);
  });

  test('a damaged adapter is refused with a reason and changes nothing', async () => {
    await page.getByLabel('Adapter file').setInputFiles({
      name: 'damaged.safetensors',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(adapter.slice(0, 1000)),
    });
    await page.locator('[data-code=safetensors-invalid]').waitFor();
    expect(await pictures()).toEqual(ownPictures);
  });
});

test('a run at another size than the shapes world’s comes to its end, without the exact score', async () => {
  const spec = { ...TINY_RUN, sampling: { ...TINY_RUN.sampling, size: 128 } };
  const { id: runId } = await callEngine(page, 'createRun', { spec, name: 'large' });
  expect(await callEngine(page, 'run', { runId, until: 'done' })).toMatchObject({ status: 'done' });
  const { candidates, evaluations } = await callEngine(page, 'runState', { runId });
  expect(candidates.map(({ metrics }) => metrics)).toEqual(candidates.map(() => ({})));
  expect(evaluations).toMatchObject([{ metrics: {} }]);
});
