// Kills of the real browser: the page as users get it is killed in the middle of something, again and again, at random
// moments or within 50 ms after something was stored, goes on after each, and has to come to the same end.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright';
import type { JobEvent } from '../../src/contract/events.ts';
import { waitForEngine } from '../../tests/helpers/studioPage.ts';
import { chromiumArgs, ensureChromium } from '../lib/chromium.mjs';
import { removeStaleLock } from '../lib/launch.ts';
import { DEEDS, type Deed, offerTorture } from './deeds.ts';
import { killProcesses } from './processes.ts';
import { randomOf } from './random.ts';

/** The whole browser, the page with its engine, the engine alone, the GPU process; with how often they are chosen. */
const VICTIMS = { tree: 0.15, renderer: 0.25, worker: 0.5, gpu: 0.1 } as const;
export type Victim = keyof typeof VICTIMS;

export type KillCase = {
  readonly seed: number;
  /** What was being done. */
  readonly deed: string;
  /** Kills in a row, each while the page went on after the one before. */
  readonly kills: Readonly<Record<Victim, number>>;
  /** Of these right after something had been stored. */
  readonly aimed: number;
  readonly result: 'same' | 'failed';
  readonly reason: string | null;
};

/** Events after which something has just been stored. */
const STORED = ['stage', 'candidates', 'selection', 'train', 'checkpoint', 'evaluation'] as const;
const AIMED_MS = 50;
const MOST_KILLS = 16;
/** A browser that loses its GPU process more often gives up itself. */
const MOST_OF_GPU = 2;

export type Expected = { readonly outcome: string; readonly ms: number };
/** What undisturbed deeds come to, and how long they take, by name. */
export type Undisturbed = Map<string, Expected>;

export function deedOf(seed: number): Deed {
  return DEEDS[seed % DEEDS.length] as Deed;
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

/** @param most kills in a row */
export async function killCase(
  seed: number,
  url: string,
  known: Undisturbed,
  most = MOST_KILLS,
): Promise<KillCase> {
  const random = randomOf(seed);
  const deed = deedOf(seed);
  const expected = await expectedOf(deed, url, known);
  const planned = 1 + Math.floor(random() * most);
  const kills = { tree: 0, renderer: 0, worker: 0, gpu: 0 };
  let aimed = 0;
  const of = (reason: string | null): KillCase => ({
    seed,
    deed: deed.name,
    kills,
    aimed,
    result: reason === null ? 'same' : 'failed',
    reason,
  });
  return withProfile(async (profile) => {
    try {
      let sitting = await open(profile, url);
      const ids = await deed.prepare(sitting.page);
      await deed.begin(sitting.page, ids);
      for (let i = 0; i < planned; i++) {
        const victim = pick(random());
        if (victim === 'gpu' && sitting.gpuKills === MOST_OF_GPU) continue;
        const event = random() < 0.5 ? (STORED[Math.floor(random() * STORED.length)] ?? null) : null;
        const moment = wait(random() ** 2 * expected.ms).then(() => 'random' as const);
        const told = event === null ? moment : sitting.told(event).then(() => 'aimed' as const);
        const delay = random() * AIMED_MS;
        const when = await Promise.race([
          ...[moment, told].map((reached) => reached.then((how) => wait(delay).then(() => how))),
          ended(sitting.page).then(() => null),
        ]);
        // Nothing is left to be cut off.
        if (when === null) break;
        await kill(sitting, profile, victim);
        kills[victim]++;
        if (when === 'aimed') aimed++;
        // What computes on the processor does not need the GPU process, which the browser starts again.
        if (victim === 'gpu') continue;
        if (victim === 'tree') sitting = await open(profile, url);
        if (victim === 'renderer') sitting = await openPage(sitting.context, url);
        await deed.begin(sitting.page, ids);
      }
      await ended(sitting.page);
      const outcome = await deed.outcome(sitting.page, ids);
      await sitting.context.close();
      return of(outcome === expected.outcome ? null : 'another outcome');
    } catch (error) {
      killProcesses(profile, 'tree');
      return of(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
  });
}

function pick(chance: number): Victim {
  let left = chance;
  for (const [victim, share] of Object.entries(VICTIMS) as [Victim, number][]) {
    left -= share;
    if (left < 0) return victim;
  }
  return 'worker';
}

async function kill(sitting: Sitting, profile: string, victim: Victim): Promise<void> {
  const { context, page } = sitting;
  if (victim === 'worker') {
    // It may be in the middle of something for as long as it likes.
    const [engine] = page.workers();
    if (engine === undefined) throw new Error('no engine to kill');
    await Promise.race([engine.evaluate(() => self.close()).catch(() => undefined), wait(10_000)]);
    await page.waitForFunction(() => (window as Window & { tortured?: string }).tortured !== '');
    // The page loads what was in use.
    await waitForEngine(page);
    return;
  }
  if (killProcesses(profile, victim) === 0) throw new Error(`no process to kill: ${victim}`);
  if (victim === 'gpu') sitting.gpuKills++;
  if (victim === 'renderer') await page.close().catch(() => undefined);
  if (victim !== 'tree') return;
  await Promise.race([context.close().catch(() => undefined), wait(10_000)]);
  killProcesses(profile, 'tree');
}

export async function withProfile<T>(work: (profile: string) => Promise<T>): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), 'mi-tune-torture-'));
  try {
    return await work(profile);
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A page that is open, until it or its browser is killed. */
export type Sitting = {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Settles when an event of this type is told. */
  told(type: JobEvent['type']): Promise<void>;
  gpuKills: number;
};

export async function open(profile: string, url: string): Promise<Sitting> {
  removeStaleLock(profile);
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: ensureChromium(),
    headless: true,
    args: chromiumArgs({ software: true }),
  });
  return openPage(context, url, context.pages()[0]);
}

async function openPage(context: BrowserContext, url: string, first?: Page): Promise<Sitting> {
  const page = first ?? (await context.newPage());
  let onEvent: (type: string) => void = () => undefined;
  await page.exposeFunction('tortureEvent', (type: string) => onEvent(type));
  await page.addInitScript(offerTorture);
  await page.goto(url);
  await waitForEngine(page);
  return {
    context,
    page,
    told: (type) =>
      new Promise((resolve) => {
        onEvent = (told) => {
          if (told === type) resolve();
        };
      }),
    gpuKills: 0,
  };
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

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
