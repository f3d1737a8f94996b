// Models of the user's own: large ones are planned before they are loaded, and single-file checkpoints can be corrected.

import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import type { Studio } from '../../tools/lib/launch.ts';
import { type RangeServer, serveRanges } from '../../tools/lib/rangeServer.ts';
import {
  giveFile,
  goTo,
  openStudio,
  pageProblems,
  settle,
  TINY_RUN,
  waitForEngine,
} from '../helpers/studioPage.ts';

/** Machines that run tests may be busy. */
const PATIENT = { timeout: 60_000 };
/** Above this a model is planned first. */
const LARGE_BYTES = 301e6;

let folder: string;
let server: RangeServer;
let studio: Studio;
let page: Page;

/** A tensor of each network, as the LDM code of SD-2.x names them: enough to be told, stored and planned. */
const NAMES = [
  'model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight',
  'first_stage_model.quant_conv.weight',
  'cond_stage_model.model.ln_final.weight',
];
const small = writeSafetensors(
  NAMES.map((name) => ({ name, shape: [1, 1024], dtype: 'F32', data: new Float32Array(1024) })),
);
const vocabulary = JSON.stringify(Object.fromEntries(Array.from({ length: 49408 }, (_, i) => [`t${i}`, i])));
const merges = '#version: 0.2\na b\n';

/** A checkpoint on the disk that is large because of a tensor of zeros that no network has; the disk holds a hole. */
function writeLarge(path: string): void {
  const rowBytes = 4 * 1024;
  const header: Record<string, object> = {};
  let end = 0;
  const add = (name: string, rows: number): void => {
    header[name] = { dtype: 'F32', shape: [rows, 1024], data_offsets: [end, end + rows * rowBytes] };
    end += rows * rowBytes;
  };
  for (const name of NAMES) add(name, 1);
  add('model_ema.zeros', Math.ceil(LARGE_BYTES / rowBytes));
  const text = JSON.stringify(header);
  const json = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const start = new Uint8Array(8 + json.length);
  new DataView(start.buffer).setBigUint64(0, BigInt(json.length), true);
  start.set(json, 8);
  const file = openSync(path, 'w');
  writeSync(file, start);
  ftruncateSync(file, start.length + end);
  closeSync(file);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mi-tune-own-'));
  writeLarge(join(folder, 'mine-large.safetensors'));
  writeFileSync(join(folder, 'vocab.json'), vocabulary);
  writeFileSync(join(folder, 'merges.txt'), merges);
  server = await serveRanges(new Map([['/sd2.safetensors', small]]));
  studio = await openStudio({ userDataDir: join(folder, 'profile'), onConsole: () => undefined });
  page = studio.page;
  await goTo(page, 'Model');
});

afterAll(async () => {
  await studio?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
const item = (name: string) => page.getByRole('listitem', { name });
const engine = () => page.locator('[data-engine]').getAttribute('data-engine');
const predicted = (name: string) => item(name).getByRole('combobox', { name: `What ${name} predicts` });

describe('a large checkpoint', () => {
  test('that is dropped is stored and planned, and not loaded unasked', async () => {
    const files = ['mine-large.safetensors', 'vocab.json', 'merges.txt'].map((name) => join(folder, name));
    await page.getByLabel('Model checkpoint', { exact: true }).setInputFiles(files);
    const plan = item('mine-large').getByRole('region', { name: 'Memory plan' });
    await plan.getByText(/^(Fits|Too large)/).waitFor(PATIENT);
    // On the processor weights stay in 32 bits: more than the budget whatever the batch.
    expect(await plan.locator('[data-fits]').getAttribute('data-fits')).toBe('false');
    expect(await plan.innerText()).toContain('Peak');
    expect(await engine()).toBe('ready');
    expect(await item('Shapes 2').innerText()).toContain('In use');
    expect(await pageProblems(page, 'plan of a large model')).toEqual([]);
    await plan.getByRole('button', { name: 'Not now' }).click();
  });

  test('can be told what it predicts', async () => {
    expect(await predicted('mine-large').innerText()).toContain('Noise');
    expect(await item('mine-large').innerText()).toContain('A guess');
    await predicted('mine-large').click();
    await page.getByRole('option', { name: /^Velocity/ }).click();
    await item('mine-large').locator('[data-guessed=false]').waitFor(PATIENT);
    await page.reload();
    await waitForEngine(page);
    expect(await predicted('mine-large').innerText()).toContain('Velocity');
  });

  test('is offered after a reload, not loaded', async () => {
    const id = await item('mine-large').getAttribute('data-model');
    await page.goto(`${studio.url}#v=1&page=model&preset=paper&model=stored:${id}`);
    await page.reload();
    await page.locator('[data-engine=waiting]').waitFor(PATIENT);
    const offer = page.getByRole('region', { name: 'Model to load' });
    await offer.getByRole('region', { name: 'Memory plan' }).waitFor(PATIENT);
    await offer.getByText(/^(Fits|Too large)/).waitFor(PATIENT);
    expect(await offer.innerText()).toContain('mine-large');
    expect(await pageProblems(page, 'a model that waits')).toEqual([]);
    await goTo(page, 'Start');
    expect(await page.getByRole('main').innerText()).toContain('not loaded yet');
    expect(await pageProblems(page, 'Start with a model that waits')).toEqual([]);
    // Starting does not load past the plan: what does not fit is said, and its plan shown.
    await page.getByRole('main').getByText('More than the budget').waitFor(PATIENT);
    await page.getByRole('textbox', { name: 'Prompt list' }).fill('a red circle and a blue ring');
    // How long it would take is told before it is loaded.
    await page
      .getByRole('main')
      .getByText(/^Drawing .*; estimated/)
      .waitFor(PATIENT);
    await page.getByRole('main').getByRole('button', { name: 'Start', exact: true }).click();
    await page.locator('[data-code=model-does-not-fit]').waitFor(PATIENT);
    expect(await engine()).toBe('waiting');
    await page.locator('[data-page=model]').waitFor();
    await page.getByRole('button', { name: /^Dismiss/ }).click();
    await goTo(page, 'Start');
    await button('See its plan and load it').click();
    await offer.getByRole('button', { name: 'Not now' }).click();
    await button('Plan and load').waitFor();
    expect(await engine()).toBe('waiting');
    // A small one is taken at once.
    await button('Use Shapes 2').click();
    await item('Shapes 2').getByText('In use').waitFor(PATIENT);
  });
});

test('what a downloaded checkpoint predicts can be corrected', async () => {
  await page.getByLabel('Repository or address').fill(`${server.url}sd2.safetensors`);
  await button('Look it up').click();
  const offer = page.locator('li', { has: page.getByRole('checkbox') });
  await offer.getByRole('checkbox').check(PATIENT);
  await offer.getByRole('button', { name: /^Download/ }).click();
  const name = 'sd2.safetensors';
  await button(`Use ${name}`).waitFor(PATIENT);
  expect(await item(name).innerText()).toContain('A guess');
  await predicted(name).click();
  await page.getByRole('option', { name: /^Velocity/ }).click();
  await item(name).locator('[data-guessed=false]').waitFor(PATIENT);
  expect(await predicted(name).innerText()).toContain('Velocity');
  await settle(page);
  expect(await pageProblems(page, 'a checkpoint in the list')).toEqual([]);
});

describe('settings that need more memory than there is', () => {
  test.each([
    ['images at a time', 'sampling.batch=64&sampling.size=512', /\d+ images? at a time instead of 64/],
    ['the image size', 'sampling.size=2048&sampling.batch=2', /images of \d+ pixels instead of 2048/],
  ])('get a proposal that changes %s, and it is taken', async (_, settings, change) => {
    await page.goto(`${studio.url}#v=1&page=model&preset=demo&${settings}`);
    await page.reload();
    await waitForEngine(page);
    await button('Memory plan').click();
    const plan = page.getByRole('region', { name: 'Memory plan' });
    await plan.getByText(/^Too large/).waitFor(PATIENT);
    expect(await plan.innerText()).toMatch(change);
    expect(await pageProblems(page, 'a plan that does not fit')).toEqual([]);
    await plan.getByRole('button', { name: 'Take it' }).click();
    await plan.getByText(/^Fits/).waitFor(PATIENT);
    const taken = Object.fromEntries(new URLSearchParams(page.url().split('#')[1]));
    expect(taken).not.toMatchObject(Object.fromEntries(new URLSearchParams(settings)));
    await plan.getByRole('button', { name: 'Training' }).click();
    await plan.getByText(/^(Fits|Too large)/).waitFor();
  });
});

test('a run is shown with the model it was made with only, which is offered', async () => {
  await goTo(page, 'Model');
  const id = await item('mine-large').getAttribute('data-model');
  await goTo(page, 'Start');
  await giveFile(page, 'Run file', 'tiny.json', JSON.stringify(TINY_RUN));
  await page.getByRole('main').getByRole('button', { name: 'Start', exact: true }).click();
  await page.locator('[data-status=done], [data-status=failed]').waitFor({ timeout: 240_000 });
  const run = /run=([\w.:-]+)/.exec(page.url())?.[1];
  await page.goto(`${studio.url}#v=1&page=select&run=${run}&preset=paper&model=stored:${id}`);
  await page.reload();
  await page.locator('[data-engine=waiting]').waitFor(PATIENT);
  await page.getByText('Made with Shapes 2').waitFor();
  expect(await page.locator('[data-row] canvas').count()).toBe(0);
  expect(await pageProblems(page, 'a run of another model')).toEqual([]);
  await button('Load it').click();
  await page.locator('[data-row] canvas').first().waitFor(PATIENT);
  expect(await page.getByText('Made with Shapes 2').count()).toBe(0);
  expect(await page.locator('[data-code]').count()).toBe(0);
});
