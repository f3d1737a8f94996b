// The content security policy and Trusted Types of the page as `npm start` serves it: both hold, and the page works under them.

import { type ChildProcess, spawn } from 'node:child_process';
import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chromiumArgs, ensureChromium } from '../../tools/lib/chromium.mjs';
import { ROOT } from '../../tools/lib/dependencies.mjs';
import { giveFile, TINY_RUN, waitForEngine } from '../helpers/studioPage.ts';

let server: ChildProcess;
let url: string;
let browser: Browser;
let page: Page;
/** What the browser complains of; a policy that is broken is an error there. */
const complaints: string[] = [];

beforeAll(async () => {
  server = spawn(process.execPath, ['tools/start.mjs', '--no-open', '--port', '0'], { cwd: ROOT });
  url = await new Promise((resolve, reject) => {
    let text = '';
    server.stdout?.on('data', (data) => {
      text += data;
      const found = /running at (\S+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    server.on('close', () => reject(new Error(text)));
  });
  const args = chromiumArgs({ software: true });
  browser = await chromium.launch({ executablePath: ensureChromium(), args });
  page = await browser.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', ({ message }) => complaints.push(message));
  await page.goto(url);
  await waitForEngine(page);
});
afterAll(async () => {
  await browser?.close();
  server?.kill();
});

test('everything is sent with the page’s policy as a header, and without leave to frame it', async () => {
  const engine = page.workers()[0]?.url() ?? '';
  expect(engine).toContain('/assets/worker-');
  for (const address of [url, `${url}assets/none.js`, engine]) {
    const policy = (await fetch(address)).headers.get('content-security-policy')?.split('; ') ?? [];
    expect(policy, address).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "require-trusted-types-for 'script'",
        'trusted-types default',
        "frame-ancestors 'none'",
      ]),
    );
  }
});

test('a run works under it, from a file to an adapter', async () => {
  await giveFile(page, 'Run file', 'run.json', JSON.stringify(TINY_RUN));
  await page.getByRole('main').getByRole('button', { name: 'Start', exact: true }).click();
  await page.locator('[data-status=done]').waitFor({ timeout: 300_000 });
  expect(complaints).toEqual([]);
});

test('no markup, script or policy can be made of strings, and no script of others runs', async () => {
  const outcome = await page.evaluate(async () => {
    const told = (work: () => unknown): string => {
      try {
        work();
        return 'done';
      } catch (error) {
        return (error as Error).name;
      }
    };
    const foreign = document.createElement('script');
    const blocked = new Promise((resolve) => {
      document.addEventListener('securitypolicyviolation', ({ violatedDirective }) =>
        resolve(violatedDirective),
      );
    });
    const markup = told(() => {
      document.createElement('div').innerHTML = '<b>bold</b>';
    });
    const address = told(() => {
      foreign.src = 'https://example.com/script.js';
    });
    const worker = told(() => new Worker('data:text/javascript,0'));
    const { trustedTypes } = window as unknown as {
      trustedTypes: { createPolicy(name: string, rules: object): unknown };
    };
    const policies = ['default', 'mine'].map((name) => told(() => trustedTypes.createPolicy(name, {})));
    return { markup, address, worker, policies, blocked: await blocked };
  });
  expect(outcome).toEqual({
    markup: 'TypeError',
    address: 'TypeError',
    worker: 'TypeError',
    policies: ['TypeError', 'TypeError'],
    blocked: 'require-trusted-types-for',
  });
});

test('another page cannot frame it', async () => {
  const other = await browser.newPage();
  await other.route('http://localhost/', (route) =>
    route.fulfill({ contentType: 'text/html', body: `<iframe src="${url}"></iframe>` }),
  );
  await other.goto('http://localhost/');
  await expect.poll(() => other.frames()[1]?.url()).toContain('chrome-error:');
  await other.close();
});
