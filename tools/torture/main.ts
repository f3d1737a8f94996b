// npm run torture: power cuts, kills and hours in one tab, as long as it is given. Goes on where it stopped, and writes
// docs/reliability.md from everything that was done so far.

import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DIST, ensureBuild } from '../lib/buildApp.mjs';
import { ROOT } from '../lib/dependencies.mjs';
import { serveFolder } from '../lib/staticServer.mjs';
import { killCase, undisturbedRun } from './kills.ts';
import { type Files, writeReport } from './report.ts';
import { soak } from './soak.ts';
import { storeCutCase } from './storeCuts.ts';

const USAGE = `Usage: npm run torture -- [--minutes N] [--only store|cuts|kills|soak|report] [--cases N] [--dir DIR]

  --minutes N   time for each phase (default 60)
  --only PHASE  one phase instead of all
  --cases N     most power cuts and kills in all (default 10000)
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
  const files: Files = {
    store: join(folder, 'store.jsonl'),
    cuts: join(folder, 'cuts.jsonl'),
    kills: join(folder, 'kills.jsonl'),
    soak: join(folder, 'soak.jsonl'),
  };
  const until = (): number => Date.now() + Number(values.minutes) * 60_000;
  const wants = (phase: string): boolean => values.only === undefined || values.only === phase;
  if (wants('store')) await cutStore(files.store, until());
  if (wants('cuts')) cutPower(files.cuts, until());
  if (wants('kills')) await kill(files.kills, until());
  if (wants('soak')) await soak(folder, files.soak, until());
  writeReport(files, join(ROOT, 'docs', 'reliability.md'));
  console.log('wrote docs/reliability.md');
}

async function cutStore(out: string, until: number): Promise<void> {
  for (let seed = countRows(out); seed < Number(values.cases) && Date.now() < until; seed++) {
    const result = await storeCutCase(seed);
    appendFileSync(out, `${JSON.stringify(result)}\n`);
    if (result.reason !== null) {
      console.log(`store ${seed}, ${result.lag}: ${result.reason}`);
      process.exitCode = 1;
    }
  }
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
    const expected = await undisturbedRun(server.url);
    for (let seed = countRows(out); seed < Number(values.cases) && Date.now() < until; seed++) {
      const result = await killCase(seed, server.url, expected);
      appendFileSync(out, `${JSON.stringify(result)}\n`);
      console.log(
        `kill ${seed}: ${result.victim}, ${result.after ?? 'any moment'}: ${result.reason ?? 'same'}`,
      );
      if (result.result === 'failed') process.exitCode = 1;
    }
  } finally {
    await server.close();
  }
}

if (values.help) console.log(USAGE);
else await main();
