import { expect, it } from 'vitest';
import { reportError, StudioError } from '../../../src/lib/errors.ts';

it('reports what the user needs, as plain data', () => {
  const cause = new Error('inner');
  const error = new StudioError('seed-invalid', 'No seed.', { remedy: 'Use 7.', where: 'line 3', cause });
  expect(error.cause).toBe(cause);
  expect(structuredClone(reportError(error))).toEqual({
    code: 'seed-invalid',
    message: 'No seed.',
    remedy: 'Use 7.',
    where: 'line 3',
  });
});

it('reports anything else as unexpected, with a remedy', () => {
  for (const thrown of [new TypeError('x is undefined'), 'x is undefined']) {
    const report = reportError(thrown);
    expect(report).toMatchObject({ code: 'unexpected', message: 'x is undefined' });
    expect(report.remedy).not.toBe('');
  }
});
