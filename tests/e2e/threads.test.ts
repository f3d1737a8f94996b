// Threads of the built page: on the page's own server, and on a host that sends none of the headers they take.

import { cpus } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { launchStudio, type Studio } from '../../tools/lib/launch.ts';
import { waitForEngine } from '../helpers/studioPage.ts';

let studio: Studio | null = null;
const problems: string[] = [];
afterEach(async () => {
  await studio?.close();
  studio = null;
});

async function open(): Promise<Studio> {
  problems.length = 0;
  studio = await launchStudio({
    backend: 'wasm',
    onConsole: (kind, text) => {
      if (kind === 'error' || kind === 'warning') problems.push(text);
    },
  });
  return studio;
}

test('on its own server the page is isolated, and the engine has a thread for each of a few cores', async () => {
  const { page, url } = await open();
  await page.goto(url);
  await waitForEngine(page);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  const words = await page
    .getByText(/Processor \(WebAssembly\)/)
    .first()
    .innerText();
  const { length: cores } = cpus();
  if (cores > 2) expect(words).toMatch(/, \d threads, f32/);
  else expect(words).not.toContain('threads');
  expect(problems).toEqual([]);
});

test('on a host without those headers one thread does it all', async () => {
  const { page, context, url } = await open();
  await context.route('**/*', async (route) => {
    const response = await route.fetch();
    const headers = response.headers();
    for (const name of Object.keys(headers)) if (name.startsWith('cross-origin-')) delete headers[name];
    await route.fulfill({ response, headers });
  });
  await page.goto(url);
  await waitForEngine(page);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
  const words = await page
    .getByText(/Processor \(WebAssembly\)/)
    .first()
    .innerText();
  expect(words).not.toContain('threads');
  expect(problems).toEqual([]);
});
