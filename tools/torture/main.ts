// npm run torture: power cuts, kills, faults and hours in one tab, as long as it is given. Goes on where it stopped, and
// writes docs/reliability.md from everything that was done so far.

import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { DIST, ensureBuild } from '../lib/buildApp.mjs';
import { ROOT } from '../lib/dependencies.mjs';
import { launchStudio } from '../lib/launch.ts';
import { serveFolder } from '../lib/staticServer.mjs';
import { openToolPage } from '../lib/toolPage.ts';
import { faultCase, makeOtherVersion, OTHER_VERSION } from './faults.ts';
import { type Expected, killCase, type Undisturbed, withProfile } from './kills.ts';
import { migrationCutCase } from './migrationCuts.ts';
import { type Files, writeReport } from './report.ts';
import { soak } from './soak.ts';
import { storeCutCase } from './storeCuts.ts';

const PHASES = ['store', 'migration', 'real', 'cuts', 'kills', 'faults', 'soak'] as const;
type Phase = (typeof PHASES)[number];

const USAGE = `Usage: npm run torture -- [--minutes N] [--only ${PHASES.join('|')}|report] [--cases N] [--dir DIR]

  --minutes N   time for each phase (default 60)
  --only PHASE  one phase instead of all
  --cases N     most cases of each phase in all (default 10000)
  --dir DIR     where the cases are kept (default .torture); a later call goes on from there
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    only: { type: 'string' },
    cases: { type: 'string', default: '10000' },
    dir: { type: 'string', default: '.torture' },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const folder = resolve(values.dir);
  mkdirSync(folder, { recursive: true });
  const names = [...PHASES, 'full'];
  const files = Object.fromEntries(names.map((name) => [name, join(folder, `${name}.jsonl`)])) as Files;
  const work: Readonly<Record<Phase, (out: string, until: number) => void | Promise<void>>> = {
    store: (out, until) => cases(out, until, (seed) => storeCutCase(seed)),
    migration: (out, until) => cases(out, until, migrationCutCase),
    real: cutRealStores,
    cuts: cutPower,
    kills: kill,
    faults: befall,
    soak: (out, until) => soak(folder, out, until),
  };
  for (const phase of PHASES) {
    if (values.only !== undefined && values.only !== phase) continue;
    await work[phase](files[phase], Date.now() + Number(values.minutes) * 60_000);
  }
  writeReport(files, join(ROOT, '.fuzz'), join(ROOT, 'docs', 'reliability.md'));
  console.log('wrote docs/reliability.md');
}

/** Does one case after the other, from the first that was not done before. */
async function cases(
  out: string,
  until: number,
  run: (seed: number) => Promise<{ readonly reason: string | null }>,
): Promise<void> {
  for (let seed = countRows(out); seed < Number(values.cases) && Date.now() < until; seed++) {
    const result = await run(seed);
    appendFileSync(out, `${JSON.stringify(result)}\n`);
    if (result.reason === null) continue;
    console.log(`failed: ${JSON.stringify(result)}`);
    process.exitCode = 1;
  }
}

/** In a profile on disk: without one, browsers keep both stores in memory and by other code. */
async function cutRealStores(out: string, until: number): Promise<void> {
  await withProfile(async (userDataDir) => {
    const studio = await launchStudio({ backend: 'wasm', from: 'dev', userDataDir });
    try {
      const { page } = studio;
      await openToolPage(studio, { script: 'tools/torture/realStoresPage.ts', offers: 'storeCut' });
      await cases(out, until, (seed) =>
        Promise.race([
          page.evaluate((asked) => (window.storeCut as NonNullable<Window['storeCut']>)(asked), seed),
          studio.failed,
        ]),
      );
    } finally {
      await studio.close();
    }
  });
}

function countRows(path: string): number {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean).length : 0;
}

function cutPower(out: string, until: number): void {
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const env = { ...process.env, TORTURE_OUT: out, TORTURE_UNTIL: String(until), TORTURE_CASES: values.cases };
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--project', 'torture'], {
    cwd: ROOT,
    stdio: 'inherit',
    env,
  });
  if (status !== 0) process.exitCode = 1;
}

async function kill(out: string, until: number): Promise<void> {
  ensureBuild();
  const server = await serveFolder({ folder: DIST, port: 0 });
  try {
    await withUndisturbed(out, (known) => cases(out, until, (seed) => killCase(seed, server.url, known)));
  } finally {
    await server.close();
  }
}

/** What undisturbed deeds come to is kept for later calls with the same build. */
async function withUndisturbed(out: string, work: (known: Undisturbed) => Promise<void>): Promise<void> {
  const path = join(dirname(out), 'undisturbed.json');
  // The names of its scripts follow from their bytes.
  const build = readFileSync(join(DIST, 'index.html'), 'utf8');
  const kept = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as { build: string; known: [string, Expected][] })
    : null;
  const known: Undisturbed = new Map(kept?.build === build ? kept.known : []);
  try {
    await work(known);
  } finally {
    writeFileSync(path, JSON.stringify({ build, known: [...known] }));
  }
}

async function befall(out: string, until: number): Promise<void> {
  ensureBuild();
  const other = makeOtherVersion(packageJson.version);
  const server = await serveFolder({ folder: DIST, port: 0, mounts: { [OTHER_VERSION]: other } });
  try {
    await withUndisturbed(out, (known) => cases(out, until, (seed) => faultCase(seed, server.url, known)));
  } finally {
    await server.close();
    rmSync(other, { recursive: true, force: true });
  }
}

if (values.help) console.log(USAGE);
else await main();
