// npm run fuzz: millions of hostile inputs over every parser, seeded and resumable. What fails is kept in tests/corpus,
// where every run of the tests tries it again.

import { type ChildProcess, spawn } from 'node:child_process';
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
/** True once the user ends it: what is under way is no fault, and is done anew the next time. */
let stopping = false;
const children = new Set<ChildProcess>();

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
  const stop = (): void => {
    stopping = true;
    for (const child of children) child.kill('SIGKILL');
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const queue = chosen.map(({ name }) => name);
  await Promise.all(
    Array.from({ length: Number(values.processes) }, async (_, process) => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        for (let from = state.done[name] ?? 0; from < each && !stopping; from = state.done[name] ?? each) {
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

/** What became of a process: it did its cases, or ended or hung at one of them. */
type Outcome = { readonly faults: readonly Told[]; readonly endedAt: number | null };
type Told = { readonly index: number; readonly problem: string; readonly input: string };

/** Does cases in processes of their own; one that hangs or dies at a case begins again after it. */
async function runChunk(
  state: State,
  name: string,
  from: number,
  count: number,
  progress: string,
): Promise<void> {
  const { faults, endedAt } = await inProcess(state, name, from, count, progress);
  for (const { index, problem, input } of faults)
    keep(state, name, index, problem, Buffer.from(input, 'base64'));
  if (endedAt === null) {
    state.done[name] = from + count;
    return;
  }
  if (stopping) {
    state.done[name] = endedAt;
    return;
  }
  // Processes are also ended by others, for want of memory, or wait for a busy machine: a fault happens again.
  const again = await inProcess(state, name, endedAt, 1, progress);
  if (again.endedAt === null)
    for (const { index, problem, input } of again.faults)
      keep(state, name, index, problem, Buffer.from(input, 'base64'));
  else if (!stopping) keep(state, name, endedAt, 'hangs or ends the process', inputOf(state, name, endedAt));
  state.done[name] = stopping ? endedAt : endedAt + 1;
}

async function inProcess(
  { seed }: State,
  name: string,
  from: number,
  count: number,
  progress: string,
): Promise<Outcome> {
  writeFileSync(progress, new Uint8Array(Float64Array.of(NOT_STARTED).buffer));
  const last = () => new Float64Array(new Uint8Array(readFileSync(progress)).buffer)[0] ?? NOT_STARTED;
  const tool = join(ROOT, 'tools', 'run.mjs');
  const args = [`--max-old-space-size=${HEAP_MB}`, tool, join(ROOT, 'tools/fuzz/child.ts')];
  const child = spawn(
    process.execPath,
    [...args, name, String(seed), String(from), String(count), progress],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.add(child);
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
  children.delete(child);
  const complete = output
    .slice(0, output.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean);
  const faults = complete.map((line) => JSON.parse(line) as Told);
  if (code === 0) return { faults, endedAt: null };
  const index = last();
  if (index === NOT_STARTED && !stopping)
    throw new Error(`The process for ${name} did not start (exit code ${code}).`);
  return { faults, endedAt: Math.max(index, from) };
}

function inputOf({ seed }: State, name: string, index: number): Uint8Array {
  const number = TARGETS.findIndex((target) => target.name === name);
  const target = TARGETS[number];
  if (target === undefined) throw new Error(name);
  return caseInput(target, number, seed, index);
}

function keep(state: State, target: string, index: number, problem: string, input: Uint8Array): void {
  const folder = join(ROOT, 'tests', 'corpus', target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, createHash('sha256').update(input).digest('hex').slice(0, 16));
  writeFileSync(file, input);
  state.faults.push({ target, index, problem, file: file.slice(ROOT.length + 1) });
}
