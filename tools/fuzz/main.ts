// npm run fuzz: millions of hostile inputs over every parser, seeded and resumable. What fails is kept in tests/corpus,
// where every run of the tests tries it again.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../lib/dependencies.mjs';
import { caseInput } from './cases.ts';
import { TARGETS } from './targets.ts';

const USAGE = `Usage: npm run fuzz -- [options]

--cases N      cases over all parsers together (default 10000000)
--seed N       default 1; another seed is another ten million cases
--only NAME    one parser: ${TARGETS.map(({ name }) => name).join(', ')}
--processes N  at a time (default 1)
--state FILE   what is done, to go on from (default .fuzz/SEED.json)
--help         this text`;

/** Cases of one process: few enough that a new one starts with clean memory often. */
const CHUNK = 50_000;
/** A case that takes longer hangs. */
const HANG_MS = 20_000;
const HEAP_MB = 768;
const NOT_STARTED = -1;

type State = {
  readonly seed: number;
  /** Cases done, by parser. */
  readonly done: Record<string, number>;
  readonly faults: { target: string; index: number; problem: string; file: string }[];
  seconds: number;
};

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    processes: { type: 'string', default: '1' },
    state: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(USAGE);
else await main();

async function main(): Promise<void> {
  const seed = Number(values.seed);
  const path = values.state ?? join(ROOT, '.fuzz', `${seed}.json`);
  mkdirSync(join(path, '..'), { recursive: true });
  const state: State = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as State)
    : { seed, done: {}, faults: [], seconds: 0 };
  const chosen = TARGETS.filter(({ name }) => values.only === undefined || name === values.only);
  if (chosen.length === 0) throw new Error(`There is no parser called ${values.only}.`);
  const each = Math.ceil(Number(values.cases) / chosen.length);
  const save = () => writeFileSync(path, `${JSON.stringify(state, null, 1)}\n`);
  const queue = chosen.map(({ name }) => name);
  await Promise.all(
    Array.from({ length: Number(values.processes) }, async (_, process) => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        for (let from = state.done[name] ?? 0; from < each; from = state.done[name] ?? each) {
          const startedAt = Date.now();
          await runChunk(state, name, from, Math.min(CHUNK, each - from), `${path}.${process}.at`);
          state.seconds += (Date.now() - startedAt) / 1000;
          save();
          console.log(`${name}: ${state.done[name]} of ${each} cases, ${state.faults.length} faults so far`);
        }
      }
    }),
  );
  const total = Object.values(state.done).reduce((sum, count) => sum + count, 0);
  console.log(
    `${total} cases over ${Object.keys(state.done).length} parsers, seed ${seed}: ${state.faults.length} faults`,
  );
  for (const { target, index, problem, file } of state.faults)
    console.log(`  ${target} ${index}: ${problem} (${file})`);
  process.exitCode = state.faults.length > 0 ? 1 : 0;
}

/** Runs cases in a process of their own; one that hangs or dies there is kept, and the next chunk begins after it. */
async function runChunk(
  state: State,
  name: string,
  from: number,
  count: number,
  progress: string,
): Promise<void> {
  writeFileSync(progress, new Uint8Array(Float64Array.of(NOT_STARTED).buffer));
  const last = () => new Float64Array(new Uint8Array(readFileSync(progress)).buffer)[0] ?? NOT_STARTED;
  const tool = join(ROOT, 'tools', 'run.mjs');
  const args = [`--max-old-space-size=${HEAP_MB}`, tool, join(ROOT, 'tools/fuzz/child.ts')];
  const child = spawn(
    process.execPath,
    [...args, name, String(state.seed), String(from), String(count), progress],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  let seen = NOT_STARTED;
  const watch = setInterval(() => {
    const at = last();
    if (at === seen && at !== NOT_STARTED) child.kill('SIGKILL');
    seen = at;
  }, HANG_MS);
  const code = await new Promise<number | null>((done) => child.on('close', done));
  clearInterval(watch);
  if (code === 0) {
    const found = JSON.parse(output) as { index: number; problem: string; input: string }[];
    for (const { index, problem, input } of found)
      keep(state, name, index, problem, Buffer.from(input, 'base64'));
    state.done[name] = from + count;
    return;
  }
  const index = last();
  if (index === NOT_STARTED) throw new Error(`The process for ${name} did not start (exit code ${code}).`);
  const number = TARGETS.findIndex((target) => target.name === name);
  const target = TARGETS[number];
  if (target === undefined) throw new Error(name);
  keep(state, name, index, 'hangs or ends the process', caseInput(target, number, state.seed, index));
  state.done[name] = index + 1;
}

function keep(state: State, target: string, index: number, problem: string, input: Uint8Array): void {
  const folder = join(ROOT, 'tests', 'corpus', target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, createHash('sha256').update(input).digest('hex').slice(0, 16));
  writeFileSync(file, input);
  state.faults.push({ target, index, problem, file: file.slice(ROOT.length + 1) });
}
