import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tickNumbers } from '../../../src/ui/charts/axes.ts';

const ticks = (values: (number | null)[]): string[] => tickNumbers(null as never, values);

test.each([
  [
    [0.125, 0.1, 0.075, 0.05, 0.025],
    ['0.125', '0.100', '0.075', '0.050', '0.025'],
  ],
  [
    [0, 2.5, 5, 7.5],
    ['0.0', '2.5', '5.0', '7.5'],
  ],
  [
    [0, 1, 2],
    ['0', '1', '2'],
  ],
  [
    [-0.5, null, 0.5],
    ['\u22120.5', '', '0.5'],
  ],
  [
    [0.30000000000000004, 0.4, 0.5],
    ['0.3', '0.4', '0.5'],
  ],
  [[0.25], ['0.25']],
  [
    [2500, 5000, 7500],
    ['2,500', '5,000', '7,500'],
  ],
  [
    [12_500_000, 15_000_000],
    ['12.5 M', '15.0 M'],
  ],
  [
    [112_500, 125_000],
    ['112,500', '125,000'],
  ],
  [
    [500_000, 1_125_000],
    ['0.500 M', '1.125 M'],
  ],
])('%j are written %j', (values, texts) => {
  expect(ticks(values)).toEqual(texts);
});

test('every tick says its own value, whatever the step', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 2.5, 5),
      fc.integer({ min: -6, max: 2 }),
      fc.integer({ min: -20, max: 20 }),
      fc.integer({ min: 1, max: 9 }),
      (mantissa, exponent, first, count) => {
        const step = mantissa * 10 ** exponent;
        const values = Array.from({ length: count }, (_, i) => (first + i) * step);
        for (const [i, text] of ticks(values).entries()) {
          const written = Number(text.replace('\u2212', '-').replaceAll(',', ''));
          expect(Math.abs(written - (values[i] as number))).toBeLessThan(step * 1e-6);
        }
      },
    ),
  );
});
