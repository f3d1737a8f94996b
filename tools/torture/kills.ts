// Kills of the real browser: a run on the built-in model, in the page as users get it, is killed at a random moment or
// within 50 ms after something was stored, goes on after a restart, and has to come to the same end.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright';
import type { JobEvent } from '../../src/contract/events.ts';
import { TINY_RUN, waitForEngine } from '../../tests/helpers/studioPage.ts';
import { chromiumArgs, ensureChromium } from '../lib/chromium.mjs';
import { removeStaleLock } from '../lib/launch.ts';
import { killProcesses, type Victim } from './processes.ts';
import { randomOf } from './random.ts';

export const VICTIMS = ['tree', 'renderer', 'gpu'] as const satisfies readonly Victim[];

export type KillCase = {
  readonly seed: number;
  readonly victim: Victim;
  /** What was told last before the kill, and how long before; null for a random moment. */
  readonly after: JobEvent['type'] | null;
  readonly result: 'same' | 'failed';
  readonly reason: string | null;
};

/** Events after which something has just been stored. */
const STORED = ['stage', 'candidates', 'selection', 'train', 'checkpoint', 'evaluation'] as const;
const AIMED_MS = 50;
const MOST_KILLS = 3;

/** What an undisturbed run comes to, and how long it takes. */
export type Undisturbed = { readonly outcome: string; readonly ms: number; readonly events: number };

export async function undisturbedRun(url: string): Promise<Undisturbed> {
  return withProfile(async (profile) => {
    const { context, page } = await open(profile, url);
    try {
      const runId = await create(page);
      let events = 0;
      await page.exposeFunction('tortureEvent', () => events++);
      const from = Date.now();
      await begin(page, runId);
      await ended(page);
      return { outcome: await outcomeOf(page, runId), ms: Date.now() - from, events };
    } finally {
      await context.close();
    }
  });
}

export async function killCase(seed: number, url: string, expected: Undisturbed): Promise<KillCase> {
  const random = randomOf(seed);
  const victim = VICTIMS[seed % VICTIMS.length] as Victim;
  const after = random() < 0.5 ? null : (STORED[Math.floor(random() * STORED.length)] ?? null);
  const of = (reason: string | null): KillCase => ({
    seed,
    victim,
    after,
    result: reason === null ? 'same' : 'failed',
    reason,
  });
  return withProfile(async (profile) => {
    let runId: string | null = null;
    const kills = 1 + Math.floor(random() * MOST_KILLS);
    try {
      for (let kill = 0; kill < kills; kill++) {
        const { context, page } = await open(profile, url);
        runId ??= await create(page);
        const moment =
          after === null ? wait(random() * expected.ms) : aimed(page, after, 1 + Math.floor(random() * 3));
        await begin(page, runId);
        await Promise.race([moment.then(() => wait(random() * AIMED_MS)), ended(page)]);
        if (killProcesses(profile, victim) === 0) throw new Error(`no process to kill: ${victim}`);
        // A run on the processor does not need the GPU process, which the browser starts again.
        if (victim === 'gpu') await ended(page);
        await Promise.race([context.close().catch(() => undefined), wait(10_000)]);
        killProcesses(profile, 'tree');
      }
      const { context, page } = await open(profile, url);
      await begin(page, runId as string);
      await ended(page);
      const outcome = await outcomeOf(page, runId as string);
      await context.close();
      return of(outcome === expected.outcome ? null : 'another outcome');
    } catch (error) {
      killProcesses(profile, 'tree');
      return of(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
  });
}

async function withProfile<T>(work: (profile: string) => Promise<T>): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), 'mi-tune-torture-'));
  try {
    return await work(profile);
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function open(profile: string, url: string): Promise<{ context: BrowserContext; page: Page }> {
  removeStaleLock(profile);
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: ensureChromium(),
    headless: true,
    args: chromiumArgs({ software: true }),
  });
  const page = context.pages()[0] ?? (await context.newPage());
  await page.goto(url);
  await waitForEngine(page);
  return { context, page };
}

function create(page: Page): Promise<string> {
  return page.evaluate(async (spec) => {
    const { id } = await (window.miTune as NonNullable<Window['miTune']>).call('createRun', {
      spec,
      name: 'torture',
    });
    return id;
  }, TINY_RUN);
}

/** Lets the run work; how it ends is in `window.tortured`. */
async function begin(page: Page, runId: string): Promise<void> {
  await page.evaluate((id) => {
    const scope = window as Window & { tortured?: string; tortureEvent?: (type: string) => void };
    const studio = scope.miTune as NonNullable<Window['miTune']>;
    studio.onEvent((_, event) => scope.tortureEvent?.(event.type));
    scope.tortured = '';
    studio.call('run', { runId: id, until: 'done' }).then(
      () => {
        scope.tortured = 'done';
      },
      (error: unknown) => {
        scope.tortured = String(error);
      },
    );
  }, runId);
}

/** @throws Error with the reason if the run fails, or the page is gone */
async function ended(page: Page): Promise<void> {
  const how = await page.waitForFunction(
    () => (window as Window & { tortured?: string }).tortured || null,
    undefined,
    { timeout: 600_000, polling: 250 },
  );
  const text = String(await how.jsonValue());
  if (text !== 'done') throw new Error(text);
}

/** Settles when an event of this type has been told for the n-th time. */
async function aimed(page: Page, type: JobEvent['type'], count: number): Promise<void> {
  let left = count;
  await new Promise<void>((resolve) => {
    void page.exposeFunction('tortureEvent', (told: string) => {
      if (told === type && --left === 0) resolve();
    });
  });
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function outcomeOf(page: Page, runId: string): Promise<string> {
  const text = await page.evaluate(async (id) => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    const { candidates, selections, train, validation, evaluations } = await studio.call('runState', {
      runId: id,
    });
    const { bytes } = await studio.call('exportAdapter', { runId: id, which: 'best' });
    return JSON.stringify({ candidates, selections, train, validation, evaluations, adapter: [...bytes] });
  }, runId);
  return createHash('sha256').update(text).digest('hex');
}
