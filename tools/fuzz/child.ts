// Runs the cases of one target from one number on, in a process that may be ended when a case hangs.
// Arguments: target, seed, first case, number of cases, file that tells the case at hand.

import { openSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { runCases } from './cases.ts';
import { TARGETS } from './targets.ts';

const [name, seed, from, count, progress] = process.argv.slice(2);
const number = TARGETS.findIndex((target) => target.name === name);
const target = TARGETS[number];
if (target === undefined || progress === undefined) throw new Error('child.ts is started by main.ts.');

const file = openSync(progress, 'r+');
const at = new Float64Array(1);
const bytes = new Uint8Array(at.buffer);
const measure = {
  now: () => performance.now(),
  used: () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
};
const faults = await runCases(
  target,
  number,
  { seed: Number(seed), from: Number(from), count: Number(count) },
  measure,
  (index) => {
    at[0] = index;
    writeSync(file, bytes, 0, 8, 0);
  },
);
const found = faults.map(({ index, problem, input }) => ({
  index,
  problem,
  input: Buffer.from(input).toString('base64'),
}));
process.stdout.write(`${JSON.stringify(found)}\n`);
