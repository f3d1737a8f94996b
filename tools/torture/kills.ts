// Kills of the real browser: the page as users get it is killed in the middle of something, at a random moment or within
// 50 ms after something was stored, goes on after a restart, and has to come to the same end.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright';
import type { JobEvent } from '../../src/contract/events.ts';
import { waitForEngine } from '../../tests/helpers/studioPage.ts';
import { chromiumArgs, ensureChromium } from '../lib/chromium.mjs';
import { removeStaleLock } from '../lib/launch.ts';
import { DEEDS, type Deed, offerTorture } from './deeds.ts';
import { killProcesses, type Victim } from './processes.ts';
import { randomOf } from './random.ts';

export const VICTIMS = ['tree', 'renderer', 'gpu'] as const satisfies readonly Victim[];

export type KillCase = {
  readonly seed: number;
  readonly victim: Victim;
  /** What was being done. */
  readonly deed: string;
  /** Kills in a row, each while the page went on after the one before. */
  readonly kills: number;
  /** What was told last before the kill, and how long before; null for a random moment. */
  readonly after: JobEvent['type'] | null;
  readonly result: 'same' | 'failed';
  readonly reason: string | null;
};

/** Events after which something has just been stored. */
const STORED = ['stage', 'candidates', 'selection', 'train', 'checkpoint', 'evaluation'] as const;
const AIMED_MS = 50;
const MOST_KILLS = 3;

export type Expected = { readonly outcome: string; readonly ms: number };
/** What undisturbed deeds come to, and how long they take, by name. */
export type Undisturbed = Map<string, Expected>;

/** The deed of a case: every victim comes with every deed. */
export function deedOf(seed: number): Deed {
  return DEEDS[Math.floor(seed / VICTIMS.length) % DEEDS.length] as Deed;
}

/** Does it once without a kill, unless that was done before. */
export async function expectedOf(deed: Deed, url: string, known: Undisturbed): Promise<Expected> {
  const before = known.get(deed.name);
  if (before !== undefined) return before;
  const measured = await withProfile(async (profile) => {
    const { context, page } = await open(profile, url);
    try {
      const ids = await deed.prepare(page);
      const from = Date.now();
      await deed.begin(page, ids);
      await ended(page);
      return { ms: Date.now() - from, outcome: await deed.outcome(page, ids) };
    } finally {
      await context.close();
    }
  });
  known.set(deed.name, measured);
  return measured;
}

export async function killCase(seed: number, url: string, known: Undisturbed): Promise<KillCase> {
  const random = randomOf(seed);
  const victim = VICTIMS[seed % VICTIMS.length] as Victim;
  const deed = deedOf(seed);
  const expected = await expectedOf(deed, url, known);
  const tells = deed.begin === DEEDS[0]?.begin;
  const after = !tells || random() < 0.5 ? null : (STORED[Math.floor(random() * STORED.length)] ?? null);
  const planned = 1 + Math.floor(random() * MOST_KILLS);
  let kills = 0;
  const of = (reason: string | null): KillCase => ({
    seed,
    victim,
    deed: deed.name,
    kills,
    after,
    result: reason === null ? 'same' : 'failed',
    reason,
  });
  return withProfile(async (profile) => {
    let ids: readonly string[] | null = null;
    try {
      for (; kills < planned; kills++) {
        const { context, page } = await open(profile, url);
        ids ??= await deed.prepare(page);
        const moment =
          after === null ? wait(random() * expected.ms) : aimed(page, after, 1 + Math.floor(random() * 3));
        await deed.begin(page, ids);
        await Promise.race([moment.then(() => wait(random() * AIMED_MS)), ended(page)]);
        if (killProcesses(profile, victim) === 0) throw new Error(`no process to kill: ${victim}`);
        // What computes on the processor does not need the GPU process, which the browser starts again.
        if (victim === 'gpu') await ended(page);
        await Promise.race([context.close().catch(() => undefined), wait(10_000)]);
        killProcesses(profile, 'tree');
      }
      const { context, page } = await open(profile, url);
      await deed.begin(page, ids as readonly string[]);
      await ended(page);
      const outcome = await deed.outcome(page, ids as readonly string[]);
      await context.close();
      return of(outcome === expected.outcome ? null : 'another outcome');
    } catch (error) {
      killProcesses(profile, 'tree');
      return of(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
  });
}

export async function withProfile<T>(work: (profile: string) => Promise<T>): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), 'mi-tune-torture-'));
  try {
    return await work(profile);
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

export async function open(profile: string, url: string): Promise<{ context: BrowserContext; page: Page }> {
  removeStaleLock(profile);
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: ensureChromium(),
    headless: true,
    args: chromiumArgs({ software: true }),
  });
  const page = context.pages()[0] ?? (await context.newPage());
  await page.addInitScript(offerTorture);
  await page.goto(url);
  await waitForEngine(page);
  return { context, page };
}

/** @throws Error with the reason if the run fails, or the page is gone */
export async function ended(page: Page): Promise<void> {
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

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
