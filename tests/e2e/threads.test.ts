// Threads and drawers of the built page: on the page's own server, and on a host that sends none of the headers threads take.

import { cpus } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { launchStudio, type Studio } from '../../tools/lib/launch.ts';
import { callEngine } from '../../tools/rehearse/enginePage.ts';
import { TINY_RUN, waitForEngine } from '../helpers/studioPage.ts';

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

/**
 * Begins the engine's script: this many cores, and a word on the console for every worker that is started to draw. `deaf`: which
 * never gets the model, so that it fails.
 */
const onCores = (cores: number, deaf: boolean): string => `
Object.defineProperty(WorkerNavigator.prototype, 'hardwareConcurrency', { get: () => ${cores} });
self.Worker = class extends Worker {
  constructor(url, options) {
    super(url, options);
    if (options.name === 'drawer') console.log('drawer');
  }
  postMessage(order, ...rest) {
    if (!${deaf} || order.kind !== 'model') super.postMessage(order, ...rest);
  }
};
`;

/** What a run on a processor of so many cores comes to, and how many workers drew beside its engine. */
async function runOn(
  cores: number,
  { deaf = false, pauses = 0, earlyStop = false } = {},
): Promise<{ numbers: unknown; drawers: number }> {
  const { page, context, url } = await open();
  let drawers = 0;
  page.on('console', (message) => {
    if (message.text() === 'drawer') drawers++;
  });
  await context.route('**/assets/worker-*.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: onCores(cores, deaf) + (await response.text()) });
  });
  await page.goto(url);
  await waitForEngine(page);
  const prompts = ['circle', 'square', 'star', 'ring'].flatMap((shape) => [
    `a red ${shape}`,
    `a blue ${shape}`,
  ]);
  const spec = {
    ...TINY_RUN,
    prompts,
    sampling: { ...TINY_RUN.sampling, steps: 10, batch: 8 },
    selection: { ...TINY_RUN.selection, candidates: 24, earlyStop },
  };
  const { id: runId } = await callEngine(page, 'createRun', { spec, name: 'cores' });
  for (let pause = 0; pause < pauses; pause++) {
    const stopped = callEngine(page, 'run', { runId, until: 'done' });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await callEngine(page, 'pause', {});
    await stopped;
  }
  await callEngine(page, 'run', { runId, until: earlyStop ? 'select' : 'done' });
  const { selections, evaluations, stopped } = await callEngine(page, 'runState', { runId });
  const given = stopped.map(({ prompt, candidate, score }) => `${prompt}/${candidate} ${score}`).sort();
  const { weights, truncation } = spec.score;
  const asked = { runId, round: 0, score: { weights, truncation }, candidates: 24, keep: 1 } as const;
  const { scores } = await callEngine(page, 'rank', asked);
  expect(problems).toEqual([]);
  await studio?.close();
  return { numbers: { selections, evaluations, scores, given }, drawers };
}

test('on several cores workers draw beside the engine, and with them, without, or stopped between the run comes to the same bits', async () => {
  const [alone, together] = [await runOn(1), await runOn(3, { pauses: 1 })];
  expect(alone.drawers).toBe(0);
  // Those of the first sitting are ended with it; what is left after it may not be worth others.
  expect([2, 4]).toContain(together.drawers);
  expect(together.numbers).toEqual(alone.numbers);
  const without = await runOn(2, { deaf: true });
  expect(without.drawers).toBe(1);
  expect(without.numbers).toEqual(alone.numbers);
});

test('drawers that stop candidates early come to the same bits as the engine alone', async () => {
  const [alone, together] = [await runOn(1, { earlyStop: true }), await runOn(3, { earlyStop: true })];
  expect([alone.drawers, together.drawers]).toEqual([0, 2]);
  expect(together.numbers).toEqual(alone.numbers);
  expect((alone.numbers as { given: string[] }).given).toHaveLength(5 * 12);
});
