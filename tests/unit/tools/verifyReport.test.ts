import { expect, test } from 'vitest';
import { parseIndex } from '../../../tools/verify/oracle.ts';
import { Report, tolerancesOf } from '../../../tools/verify/report.ts';
import { caseLines, failureLines, summaryLine } from '../../../tools/verify/table.ts';

const entry = { kind: 'unet', name: 'tiny' };

test('a value passes up to atol + rtol x |expected|, and the worst one is reported', () => {
  const report = new Report(entry, { factor: 1 });
  report.close('a', 'out', [1, 10.5], [1.0625, 10], { atol: 0.0625, rtol: 0.125 });
  report.close('a', 'tight', [2], [2.5], { atol: 0.25 });
  expect(report.rows).toEqual([
    // |10.5 - 10| / (0.0625 + 1.25) = 0.38 is closer to its bound than 0.0625 / (0.0625 + 0.1328) = 0.32.
    { ...entry, id: 'a', quantity: 'out', error: 0.5, tolerance: 1.3125, pass: true },
    { ...entry, id: 'a', quantity: 'tight', error: 0.5, tolerance: 0.25, pass: false },
  ]);
});

test('the factor of the backend widens tolerances, but never equality', () => {
  const report = new Report(entry, { factor: 10 });
  report.closeNumber('a', 'x', 1.5, 1, { atol: 0.0625 });
  report.closeInMean('a', 'mean', [1, 2], [1, 3], 0.0625);
  report.equal('a', 'argmax', 1, 2);
  expect(report.rows.map((row) => [row.error, row.tolerance, row.pass])).toEqual([
    [0.5, 0.625, true],
    [0.5, 0.625, true],
    [1, 0, false],
  ]);
});

test.each([
  [[Number.NaN], [1], false],
  [[1], [Number.NaN], false],
  [[Number.NaN], [Number.NaN], true],
  [[Number.POSITIVE_INFINITY], [1], false],
  [[Number.POSITIVE_INFINITY], [Number.POSITIVE_INFINITY], true],
  [[1, 2], [1], false],
  [[], [], true],
])('%j against %j: %j', (actual, expected, pass) => {
  const report = new Report(entry, { factor: 10 });
  report.close('a', 'x', actual, expected, { atol: 1e9, rtol: 1e9 });
  expect(report.rows.map((row) => row.pass)).toEqual([pass]);
});

test('tolerances come from the index, and a missing one is an error', () => {
  const indexEntry = { ...entry, tolerance_f32_cpu_or_wasm: { atol: 1e-5, timesteps: 'exact' } };
  expect(tolerancesOf(indexEntry, ['atol'], ['rtol'])).toEqual({ atol: 1e-5, rtol: 0 });
  expect(() => tolerancesOf(indexEntry, ['grad_atol'])).toThrow(/"grad_atol"/);
  expect(() => tolerancesOf(indexEntry, ['timesteps'])).toThrow(/"timesteps"/);
  expect(() => tolerancesOf(entry, ['atol'])).toThrow(/"atol"/);
});

test('an index must have the format and at least one case', () => {
  const index = { format: 'oracle-index-1', cases: [entry] };
  expect(parseIndex(index).gpu_backend_tolerance_factor).toBe(1);
  expect(() => parseIndex({ ...index, cases: [] })).toThrow(/lists no cases/);
  expect(() => parseIndex({ ...index, format: 'oracle-index-2' })).toThrow(/format/);
  expect(() => parseIndex({ ...index, cases: [{ kind: 'unet' }] })).toThrow(/name/);
  expect(() => parseIndex([])).toThrow();
});

test('the table has one line per case, showing what failed first', () => {
  const report = new Report(entry, { factor: 1 });
  report.closeNumber('a', 'first', 1, 1, { atol: 1 });
  report.closeNumber('a', 'second', 1.5, 1, { atol: 1 });
  report.closeNumber('b', 'first', 3, 1, { atol: 1 });
  report.fail('b', 'run', 'broke');
  const lines = caseLines(report.rows);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/second \(of 2\).* 5\.00e-1 +1\.00e\+0 +pass$/);
  expect(lines[1]).toMatch(/run \(of 2\).*FAIL$/);
  expect(failureLines(report.rows).slice(2)).toEqual([
    '  unet tiny b first: error 2.00e+0, tolerance 1.00e+0',
    '  unet tiny b run: broke',
  ]);
  expect(summaryLine(report.rows, 'wasm')).toBe('1 cases passed, 1 failed (4 comparisons, backend wasm)');
});
