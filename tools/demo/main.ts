// npm run demo:check: does the page's own demonstration win, seed after seed? Writes docs/demo-check.md.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BUILT_IN_MODEL } from '../../src/sources/catalog.ts';
import { ROOT } from '../lib/dependencies.mjs';
import { launchStudio } from '../lib/launch.ts';
import { usageError } from '../lib/usage.ts';
import { callEngine } from '../rehearse/enginePage.ts';
import { checkSeed, demoSpec, type SeedResult } from './oneSeed.ts';
import { BAR, demoReport, rowOf } from './report.ts';

const USAGE = `Usage: npm run demo:check -- [--seeds 10] [--first 1] [--work DIR] [--out FILE]

Runs the page's first example with the demo preset on wasm, each seed once with pictures chosen by MI and once by lot.
Finished seeds are kept in --work (default .demo-check/), so the same command goes on after a stop.`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: String(BAR.of) },
    first: { type: 'string', default: '1' },
    work: { type: 'string', default: join(ROOT, '.demo-check') },
    out: { type: 'string', default: join(ROOT, 'docs', 'demo-check.md') },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(USAGE);
else await main();

async function main(): Promise<void> {
  const [count, first] = [Number(values.seeds), Number(values.first)];
  if (![count, first].every((n) => Number.isInteger(n) && n > 0))
    throw usageError('--seeds and --first take whole numbers above 0.');
  const file = join(resolve(values.work), `${digest()}.json`);
  const results: SeedResult[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  const seeds = Array.from({ length: count }, (_, i) => first + i);
  const waiting = seeds.filter((seed) => !results.some((result) => result.seed === seed));
  const studio = await launchStudio({ backend: 'wasm' });
  try {
    const { page, url, failed } = studio;
    page.setDefaultTimeout(0);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto(url);
    await Promise.race([page.waitForFunction(() => window.miTune !== undefined), failed]);
    await callEngine(page, 'open', { backend: 'wasm' });
    await callEngine(page, 'loadModel', { ref: { kind: 'url', base: BUILT_IN_MODEL } });
    for (const seed of waiting) {
      const result = await Promise.race([checkSeed(page, seed, loadPerCore), failed]);
      results.push(result);
      keep(file, results);
      const { change, random } = rowOf(result);
      console.log(
        `seed ${seed}: MI ${(100 * change.estimate).toFixed(1)} points, random ${(100 * random.estimate).toFixed(1)}, ${result.seconds.toFixed(0)} s`,
      );
      writeFileSync(values.out, demoReport(inOrder(results)));
    }
  } finally {
    await studio.close();
  }
  writeFileSync(values.out, demoReport(inOrder(results)));
  console.log(`Wrote ${values.out}`);
}

function inOrder(results: readonly SeedResult[]): SeedResult[] {
  return results.toSorted((a, b) => a.seed - b.seed);
}

function loadPerCore(): number {
  return (loadavg()[0] ?? 0) / availableParallelism();
}

/** Results belong to one model, list and preset. */
function digest(): string {
  const hash = createHash('sha256').update(JSON.stringify(demoSpec(0)));
  const folder = join(ROOT, 'public', BUILT_IN_MODEL);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const paths = files.map((one) => join(one.parentPath, one.name)).filter((path) => !path.endsWith('.md'));
  for (const path of paths.sort()) hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}

function keep(file: string, results: readonly SeedResult[]): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.part`, JSON.stringify(results));
  renameSync(`${file}.part`, file);
}
