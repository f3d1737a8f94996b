// What befalls a page that is not killed: it is frozen, the clock jumps, its storage is cleared, another version of it works
// on the same run. The run comes to the same end, or says why not and the next one does.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright';
import { waitForEngine } from '../../tests/helpers/studioPage.ts';
import { DIST } from '../lib/buildApp.mjs';
import { DEEDS, type Deed, offerTorture } from './deeds.ts';
import { ended, expectedOf, open, type Undisturbed, wait, withProfile } from './kills.ts';
import { randomOf } from './random.ts';

export type FaultCase = { readonly seed: number; readonly fault: string; readonly reason: string | null };

/** Where the other version of the page lies on the server, and what it calls itself. */
export const OTHER_VERSION = '/other/';
const OTHER_NAME = '99.0.0';

type Situation = {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly url: string;
  readonly run: Deed;
  readonly ids: readonly string[];
  /** What is to come of a run, and how long that takes undisturbed. */
  readonly expected: { readonly outcome: string; readonly ms: number };
  readonly random: () => number;
};
/** @throws Error with what went wrong */
type Fault = { readonly name: string; readonly happen: (situation: Situation) => Promise<void> };

export const FAULTS: readonly Fault[] = [
  { name: 'frozen and thawed', happen: freeze },
  { name: 'the clock jumps', happen: jumpClock },
  { name: 'storage cleared while it works', happen: clearWhileWorking },
  {
    name: 'storage cleared between sittings',
    happen: (s) => clearBetween(s, 'indexeddb,file_systems', startAgain),
  },
  { name: 'database cleared between sittings', happen: (s) => clearBetween(s, 'indexeddb', recover) },
  { name: 'files cleared between sittings', happen: (s) => clearBetween(s, 'file_systems', goOn) },
  { name: 'another version of the page', happen: otherVersion },
];

export async function faultCase(seed: number, url: string, known: Undisturbed): Promise<FaultCase> {
  const random = randomOf(seed);
  const { name, happen } = FAULTS[seed % FAULTS.length] as Fault;
  const run = DEEDS[0] as Deed;
  const expected = await expectedOf(run, url, known);
  return withProfile(async (profile) => {
    const { context, page } = await open(profile, url);
    try {
      const ids = await run.prepare(page);
      await happen({ context, page, url, run, ids, expected, random });
      return { seed, fault: name, reason: null };
    } catch (error) {
      const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      return { seed, fault: name, reason };
    } finally {
      await Promise.race([context.close().catch(() => undefined), wait(10_000)]);
    }
  });
}

async function freeze({ context, page, run, ids, expected, random }: Situation): Promise<void> {
  const devtools = await context.newCDPSession(page);
  await run.begin(page, ids);
  for (let i = 0; i < 2; i++) {
    await wait((random() * expected.ms) / 2);
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    await wait(500 + random() * 2500);
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
  }
  await endsTheSame(page, run, ids, expected);
}

const LONGEST_JUMP_MS = 400 * 24 * 3600 * 1000;

async function jumpClock({ page, run, ids, expected, random }: Situation): Promise<void> {
  await run.begin(page, ids);
  for (let i = 0; i < 3; i++) {
    await wait((random() * expected.ms) / 3);
    const jump = Math.round((random() - 0.5) * 2 * LONGEST_JUMP_MS);
    await page.evaluate(moveClock, jump);
    for (const worker of page.workers()) await worker.evaluate(moveClock, jump);
  }
  await endsTheSame(page, run, ids, expected);
}

/** In the page or a worker: the time of day is another one from now on. */
function moveClock(by: number): void {
  const now = Date.now.bind(Date);
  Date.now = () => now() + by;
}

async function clearWhileWorking(situation: Situation): Promise<void> {
  const { context, page, url, run, ids, expected, random } = situation;
  await run.begin(page, ids);
  await wait(random() * expected.ms);
  await clear(context, page, 'indexeddb,file_systems');
  // It may be through already, or fail with a reason; it must not hang.
  await Promise.race([
    ended(page).catch(() => undefined),
    wait(120_000).then(() => {
      throw new Error('hangs after its storage was cleared');
    }),
  ]);
  await page.goto('about:blank');
  await page.goto(url);
  await startAgain({ ...situation, page });
}

async function clearBetween(
  situation: Situation,
  types: string,
  after: (situation: Situation) => Promise<void>,
): Promise<void> {
  const { context, page, url, run, ids, expected, random } = situation;
  await run.begin(page, ids);
  await wait(random() * expected.ms);
  await page.goto('about:blank');
  await clear(context, page, types, url);
  await page.goto(url);
  await after(situation);
}

async function clear(context: BrowserContext, page: Page, storageTypes: string, at = page.url()) {
  const devtools = await context.newCDPSession(page);
  await devtools.send('Storage.clearDataForOrigin', { origin: new URL(at).origin, storageTypes });
  await devtools.detach();
}

/** Nothing is left, which the page knows, and a new run comes to the same end. */
async function startAgain({ page, run, expected }: Situation): Promise<void> {
  await waitForEngine(page);
  const left = await page.evaluate(async () => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    return [...(await studio.call('listRuns', {})), ...(await studio.call('listLost', {}))].length;
  });
  if (left > 0) throw new Error(`${left} runs are listed after everything was cleared`);
  const ids = await run.prepare(page);
  await run.begin(page, ids);
  await endsTheSame(page, run, ids, expected);
}

/** The run is offered for recovery, and goes on. One that had stored no file yet is gone. */
async function recover(situation: Situation): Promise<void> {
  const { page, run, ids, expected } = situation;
  await waitForEngine(page);
  const lost = await page.evaluate(async () => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    const found = await studio.call('listLost', {});
    for (const { id } of found) await studio.call('recoverRun', { runId: id });
    return found.map(({ id }) => id);
  });
  if (lost[0] !== ids[0]) throw new Error('the run is not offered for recovery');
  await run.begin(page, ids);
  await endsTheSame(page, run, ids, expected);
}

async function goOn({ page, run, ids, expected }: Situation): Promise<void> {
  await waitForEngine(page);
  await run.begin(page, ids);
  await endsTheSame(page, run, ids, expected);
}

/** While one version works another can neither work on the run nor delete it; after that it goes on with it. */
async function otherVersion({ context, page, url, run, ids, expected, random }: Situation): Promise<void> {
  await run.begin(page, ids);
  const other = await context.newPage();
  await other.addInitScript(offerTorture);
  await other.goto(new URL(OTHER_VERSION, url).href);
  await waitForEngine(other);
  const refusals = await other.evaluate(async ([runId]) => {
    const studio = window.miTune as NonNullable<Window['miTune']>;
    const id = runId as string;
    const tried = [
      studio.call('deleteRun', { runId: id }),
      studio.call('run', { runId: id, until: 'done' }),
    ].map((call) =>
      call.then(
        () => 'done',
        (error: { code?: string }) => error.code ?? String(error),
      ),
    );
    return Promise.all(tried);
  }, ids);
  const stillWorks = (await page.evaluate(() => (window as { tortured?: string }).tortured)) === '';
  if (stillWorks && refusals.includes('done')) throw new Error(`not refused: ${refusals.join(', ')}`);
  if (!stillWorks && refusals[0] === 'done') return;
  await wait((random() * expected.ms) / 2);
  await page.close();
  // A page that was closed lets go of its run a moment later.
  const isHeld = (): Promise<boolean> =>
    other.evaluate(async (name) => {
      const { held = [] } = await navigator.locks.query();
      return held.some((lock) => lock.name === name);
    }, `mi-tune-run-${ids[0]}`);
  while (await isHeld()) await wait(100);
  await run.begin(other, ids);
  await endsTheSame(other, run, ids, expected);
}

async function endsTheSame(
  page: Page,
  run: Deed,
  ids: readonly string[],
  expected: Situation['expected'],
): Promise<void> {
  await ended(page);
  if ((await run.outcome(page, ids)) !== expected.outcome) throw new Error('another outcome');
}

/** The built page as its next version, in a folder of its own; the caller removes it. */
export function makeOtherVersion(version: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'mi-tune-other-'));
  cpSync(DIST, folder, { recursive: true });
  const assets = join(folder, 'assets');
  let changed = 0;
  for (const name of readdirSync(assets).filter((file) => file.endsWith('.js'))) {
    const text = readFileSync(join(assets, name), 'utf8');
    const other = text.replaceAll(version, OTHER_NAME);
    if (other === text) continue;
    writeFileSync(join(assets, name), other);
    changed++;
  }
  if (changed === 0) {
    rmSync(folder, { recursive: true });
    throw new Error(`the build does not name its version ${version}`);
  }
  return folder;
}
