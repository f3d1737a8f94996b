// Opens the app, or a development page, in a Chromium under the control of a tool or an end-to-end test.

import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, type ConsoleMessage, chromium, type Page } from 'playwright';
import { createServer, type InlineConfig } from 'vite';
import { DIST, ensureBuild } from './buildApp.mjs';
import { chromiumArgs, ensureChromium, hasGpu } from './chromium.mjs';
import { ROOT } from './dependencies.mjs';
import { serveFolder } from './staticServer.mjs';

export type LaunchOptions = {
  /** Decides which GPU the browser gets: none is set up for wasm. */
  readonly backend: 'wasm' | 'webgpu' | 'auto';
  /** `built`: dist/, built when out of date, as users get it (default). `dev`: from the sources, with any page. */
  readonly from?: 'built' | 'dev';
  /** Shows the browser window. */
  readonly headed?: boolean;
  /** Profile folder; without one the browser keeps nothing, and storage lives in memory. */
  readonly userDataDir?: string;
  /** First port to try on 127.0.0.1; 0 (default) takes any free one. */
  readonly port?: number;
  /** Further folders to serve beside the built app, by path such as `/model/`. */
  readonly mounts?: Readonly<Record<string, string>>;
  /** Vite plugins and settings of a development page. */
  readonly vite?: InlineConfig;
  /** Receives what the page prints; by default warnings and errors go to the terminal. */
  readonly onConsole?: (kind: string, text: string) => void;
};

export type Studio = {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Address of the server, ending in '/'. The page has not been sent there yet. */
  readonly url: string;
  /** Rejects when the page crashes or throws an uncaught error; race it against what the tool waits for. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
};

/**
 * Starts a loopback server and a browser. The caller closes the result, also after an error of its own.
 * @throws Error when no browser can be found or installed
 */
export async function launchStudio(options: LaunchOptions): Promise<Studio> {
  const executablePath = ensureChromium();
  const server = await startServer(options);
  try {
    const launch = {
      executablePath,
      headless: !options.headed,
      args: chromiumArgs({ software: options.backend === 'wasm' || !hasGpu() }),
    };
    let browser: Browser | null = null;
    let context: BrowserContext;
    if (options.userDataDir === undefined) {
      browser = await chromium.launch(launch);
      context = await browser.newContext({ acceptDownloads: true });
    } else {
      removeStaleLock(options.userDataDir);
      context = await chromium.launchPersistentContext(options.userDataDir, {
        ...launch,
        acceptDownloads: true,
      });
    }
    const page = context.pages()[0] ?? (await context.newPage());
    let closing = false;
    const failed = watch(page, options.onConsole ?? printProblems, () => closing);
    return {
      page,
      context,
      url: server.url,
      failed,
      async close() {
        closing = true;
        // A browser that is gone may never answer.
        await withinSeconds(CLOSE_SECONDS, context.close());
        if (browser !== null) await withinSeconds(CLOSE_SECONDS, browser.close());
        await withinSeconds(CLOSE_SECONDS, server.close());
      },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

const CLOSE_SECONDS = 15;

async function withinSeconds(seconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, seconds * 1000);
  });
  await Promise.race([work.catch(() => undefined), late]);
  clearTimeout(timer);
}

/**
 * A browser that was killed leaves its lock in the profile, and the next one would take the profile for in use. The lock is
 * a link to `host-process`.
 */
export function removeStaleLock(userDataDir: string): void {
  let holder: string;
  try {
    holder = readlinkSync(join(userDataDir, 'SingletonLock'));
  } catch {
    return; // no lock, or a system that keeps it elsewhere
  }
  const at = holder.lastIndexOf('-');
  if (holder.slice(0, at) !== hostname() || isAlive(Number(holder.slice(at + 1)))) return;
  for (const name of ['SingletonLock', 'SingletonSocket', 'SingletonCookie'])
    rmSync(join(userDataDir, name), { force: true });
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function startServer(options: LaunchOptions): Promise<{ url: string; close(): Promise<void> }> {
  const port = options.port ?? 0;
  if (options.from !== 'dev') {
    ensureBuild();
    return serveFolder({ folder: DIST, port, mounts: options.mounts });
  }
  // A cache of its own: two servers that bundle dependencies into one folder take them away from each other's pages.
  const cacheDir = mkdtempSync(join(tmpdir(), 'mi-tune-vite-'));
  const server = await createServer({
    root: ROOT,
    cacheDir,
    logLevel: 'warn',
    ...options.vite,
    // No watching: a file saved during a long run must not reload the page under it.
    server: { host: '127.0.0.1', port, hmr: false, watch: null, ...options.vite?.server },
  });
  await server.listen();
  const address = server.httpServer?.address();
  if (address === null || typeof address !== 'object')
    throw new Error('The development server did not start.');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async close() {
      await server.close();
      rmSync(cacheDir, { recursive: true, force: true });
    },
  };
}

function watch(
  page: Page,
  onConsole: (kind: string, text: string) => void,
  isClosing: () => boolean,
): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    const gone = (): void => {
      if (!isClosing()) reject(new Error('The browser was closed or has died.'));
    };
    page.on('close', gone);
    page.context().on('close', gone);
    page.context().browser()?.on('disconnected', gone);
    page.on('crash', () => reject(new Error('The browser tab crashed, most likely out of memory.')));
    page.on('pageerror', (error) => reject(error));
  });
  // Tools that never look at `failed` must not end by an unhandled rejection.
  failed.catch(() => undefined);
  page.on('console', (message) => onConsole(message.type(), describe(message)));
  return failed;
}

/** Chromium's messages about failed requests leave out the address, which is the one thing worth knowing. */
function describe(message: ConsoleMessage): string {
  const text = message.text();
  return text.startsWith('Failed to load resource') ? `${message.location().url}: ${text}` : text;
}

function printProblems(kind: string, text: string): void {
  if (kind === 'warning' || kind === 'error') console.error(`[page ${kind}] ${text}`);
}
