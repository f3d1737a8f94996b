// Links that name a model on another server: nothing is asked of it before the user has seen its name and clicked.

import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchStudio, type Studio } from '../../tools/lib/launch.ts';
import { type RangeServer, serveRanges } from '../../tools/lib/rangeServer.ts';
import { alertCodes, goTo, pageProblems, WIDE, waitForEngine } from '../helpers/studioPage.ts';

const PATIENT = { timeout: 30_000 };

let studio: Studio;
let page: Page;
let server: RangeServer;
let host: string;

beforeAll(async () => {
  const config = JSON.stringify({ num_hidden_layers: 1 << 24, hidden_size: 64 });
  server = await serveRanges(new Map([['/sd/unet/config.json', new TextEncoder().encode(config)]]));
  host = new URL(server.url).host;
  studio = await launchStudio({ backend: 'wasm', onConsole: () => undefined });
  page = studio.page;
  await page.setViewportSize(WIDE);
});

afterAll(async () => {
  await studio?.close();
  await server?.close();
});

async function follow(hash: string): Promise<void> {
  await page.goto('about:blank');
  await page.goto(`${studio.url}#${hash}`);
  await waitForEngine(page);
}

test('a link contacts nobody by itself, and says whom a click would', async () => {
  await follow(`v=1&page=start&model=${encodeURIComponent(`${server.url}sd/`)}`);
  await page.getByRole('textbox', { name: 'Prompt list' }).fill('a red circle');
  const main = page.getByRole('main');
  await main.getByText(`This contacts ${host} and reads its model from there.`).waitFor(PATIENT);
  expect(await main.innerText()).toContain(`It lies at ${host}, which has not been contacted.`);
  expect(await pageProblems(page, 'Start with a model elsewhere')).toEqual([]);
  await goTo(page, 'Model');
  await page.getByRole('button', { name: `Contact ${host}` }).waitFor(PATIENT);
  expect(await pageProblems(page, 'Model with a model elsewhere')).toEqual([]);
  await goTo(page, 'Settings');
  // The memory forecast waits this long for settings to come to rest.
  await page.waitForTimeout(1500);
  expect(server.requests).toEqual([]);
});

test('after the click its configs are read, and an impossible one is refused', async () => {
  await goTo(page, 'Model');
  await page.getByRole('button', { name: `Contact ${host}` }).click();
  await page.locator('[data-code=config-unsupported], [data-code=model-file-missing]').waitFor(PATIENT);
  expect(server.requests.length).toBeGreaterThan(0);
  await page.getByRole('button', { name: 'Not now' }).click();
});

test('an address with broken escapes is only unreachable', async () => {
  await follow(`v=1&page=model&model=${encodeURIComponent('https://a.invalid/%zz/')}`);
  await page.getByRole('button', { name: 'Contact a.invalid' }).click();
  await page.locator('[data-code]').waitFor(PATIENT);
  expect(await alertCodes(page)).toEqual(['url-unreachable']);
});
