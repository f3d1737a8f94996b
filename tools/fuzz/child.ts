// Runs the cases of one target from one number on, in a process that may be ended when a case hangs. Each fault is a line
// on standard output at once: what comes after it may end the process.
// Arguments: target, seed, first case, number of cases, file that tells the case at hand.

import { openSync, writeSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { runCases } from './cases.ts';
import { TARGETS } from './targets.ts';

const STDOUT = 1;
const [name, seed, from, count, progress] = process.argv.slice(2);
const number = TARGETS.findIndex((target) => target.name === name);
const target = TARGETS[number];
if (target === undefined || progress === undefined) throw new Error('child.ts is started by main.ts.');

const file = openSync(progress, 'r+');
const at = new Float64Array(1);
const bytes = new Uint8Array(at.buffer);
const measure = {
  // Of this process: on a busy machine any case may take seconds by the clock.
  now: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  // Without the resident set, which takes longer to ask for than most cases take.
  used: () => {
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    return heap + external;
  },
};
await runCases(target, number, { seed: Number(seed), from: Number(from), count: Number(count) }, measure, {
  case: (index) => {
    at[0] = index;
    writeSync(file, bytes, 0, 8, 0);
  },
  fault: ({ index, problem, input }) =>
    writeSync(
      STDOUT,
      `${JSON.stringify({ index, problem, input: Buffer.from(input).toString('base64') })}\n`,
    ),
});
