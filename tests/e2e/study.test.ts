// The study, from the command line to its report, in the design that shows only that everything works.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../../tools/lib/dependencies.mjs';

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'study-'));
});
afterAll(() => rmSync(work, { recursive: true }));

function study(...args: string[]): { status: number | null; output: string } {
  const command = ['tools/run.mjs', 'tools/study/main.ts', '--quick', '--work', work, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

const records = (): string[] => readFileSync(join(work, 'records.jsonl'), 'utf8').trimEnd().split('\n');
const ids = (): string[] => records().map((line) => (JSON.parse(line) as { id: string }).id);

test('does every step once, and the same again after it was cut off', () => {
  const first = study();
  expect(first.output).toMatch(/Everything asked for is done/);
  expect(first.status).toBe(0);
  const whole = records();
  expect(new Set(ids()).size).toBe(whole.length);
  // As kill -9 leaves it: the last step half written.
  const [last, ...before] = [...whole].reverse();
  writeFileSync(join(work, 'records.jsonl'), `${before.reverse().join('\n')}\n${last?.slice(0, 40)}`);
  const second = study();
  expect(second.status).toBe(0);
  const result = (line: string | undefined): unknown =>
    (JSON.parse(line ?? '') as { result: unknown }).result;
  expect(result(records().at(-1))).toEqual(result(last));
  expect(records()).toHaveLength(whole.length);
});

test('writes a report in which every table has its numbers and every plot is there', () => {
  const text = readFileSync(join(work, 'shapes-study.md'), 'utf8');
  const plots = [...text.matchAll(/\]\((shapes-study\/[^)]+)\)/g)].map((match) => match[1] as string);
  expect(plots).toHaveLength(5);
  for (const plot of plots) expect(existsSync(join(work, plot))).toBe(true);
  expect(text).not.toMatch(/Not done yet|NaN|undefined/);
  for (const heading of ['Does MI rank', 'Settings', 'Does MI-TUNE align', 'Ablations', 'Against the paper'])
    expect(text).toContain(heading);
});

test('takes over candidates that PyTorch drew, after it drew them again', () => {
  const other = mkdtempSync(join(tmpdir(), 'study-'));
  try {
    const pool = ['--pool-from', 'tests/golden/pool', '--part', '1', '--work', other];
    expect(study(...pool).output).toMatch(/Took 12 candidates .* 12 of them drawn again here are the same/);
    expect(readFileSync(join(other, 'shapes-study.md'), 'utf8')).toContain(
      '12 candidates were drawn elsewhere',
    );
  } finally {
    rmSync(other, { recursive: true });
  }
});
