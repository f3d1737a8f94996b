// The verification command, from the command line to its exit code, on a folder of one small case.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ROOT } from '../../tools/lib/dependencies.mjs';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** scipy.stats.kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]), scipy 1.10.1. */
const ties = { name: 'ties', x: [12, 2, 1, 12, 2], y: [1, 4, 7, 1, 0], tau_b: -0.4714045207910316 };

function makeOracle(index: object, kendall: object | null = { cases: [ties] }): string {
  const folder = mkdtempSync(join(tmpdir(), 'oracle-'));
  folders.push(folder);
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ format: 'oracle-index-1', ...index }));
  if (kendall) writeFileSync(join(folder, 'ranks.json'), JSON.stringify(kendall));
  return folder;
}

const kendallCase = {
  kind: 'kendall',
  name: 'other-name',
  file: 'ranks.json',
  tolerance_f32_cpu_or_wasm: { atol: 1e-12 },
};

function verify(folder: string): { status: number | null; output: string } {
  const args = ['tools/run.mjs', 'tools/verify/main.ts', folder, '--backend', 'wasm'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test('passes what is right, with the tolerance of the index', () => {
  const { status, output } = verify(makeOracle({ cases: [kendallCase] }));
  expect(output).toMatch(/kendall +other-name +ties +tau_b +\S+ +1\.00e-12 +pass/);
  expect(output).toMatch(/1 cases passed, 0 failed/);
  expect(status).toBe(0);
});

test('fails on a number beyond its tolerance, an unknown kind and a missing file, and goes on after each', () => {
  const wrong = { ...ties, tau_b: -0.4714045207921316 };
  const cases = [
    { kind: 'clairvoyance', name: 'x' },
    { ...kendallCase, name: 'gone', file: 'gone.json' },
    kendallCase,
  ];
  const { status, output } = verify(makeOracle({ cases }, { cases: [ties, { ...wrong, name: 'wrong' }] }));
  expect(output).toMatch(/clairvoyance x .*no runner for cases of kind "clairvoyance"/);
  expect(output).toMatch(/kendall gone .*gone\.json could not be read/);
  expect(output).toMatch(/ ties .* pass\n/);
  expect(output).toMatch(/ wrong .* 1\.10e-12 +1\.00e-12 +FAIL\n/);
  expect(output).toMatch(/1 cases passed, 3 failed/);
  expect(status).toBe(1);
});

test('fails on a listed file that is not there, before anything else', () => {
  const { status, output } = verify(
    makeOracle({ cases: [kendallCase], files: { 'absent.bin': { bytes: 1 } } }),
  );
  expect(output).toMatch(/files absent\.bin .*not in the folder/);
  expect(status).toBe(1);
});

test.each([
  ['no cases', { cases: [] }, /lists no cases/],
  ['another format', { format: 'oracle-index-9', cases: [kendallCase] }, /format/],
])('refuses an index with %s', (_, index, message) => {
  const { status, output } = verify(makeOracle(index));
  expect(output).toMatch(message);
  expect(status).toBe(1);
});
