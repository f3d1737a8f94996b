import { expect, test } from 'vitest';
import {
  formatAgo,
  formatBytes,
  formatChange,
  formatDay,
  formatDuration,
  formatLarge,
  formatNumber,
  formatPercent,
  formatPlural,
  formatRate,
} from '../../../src/ui/format.ts';
import { onAxis, smooth } from '../../../src/ui/pages/train/series.ts';
import { runTitle } from '../../../src/ui/shell/runTitle.ts';
import { withoutFolderName } from '../../../src/ui/words.ts';

test.each([
  [0.2, '1 s'],
  [45, '45 s'],
  [59.6, '1 min'],
  [600, '10 min'],
  [7800, '2 h 10 min'],
  [7200, '2 h'],
  [259_200, '3 days'],
  [4 * 365 * 86_400, '4 years'],
])('%s seconds are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test.each([
  [0, '0'],
  [1.23456, '1.235'],
  [0.00012, '0.0001200'],
  [0.00001, '1.00e−5'],
  [-12.5, '−12.50'],
  [12345.6, '12346'],
  [Number.NaN, '–'],
])('%s is written %s', (value, text) => expect(formatNumber(value)).toBe(text));

test('counts, bytes, shares and changes read as words', () => {
  expect([formatPlural(1, 'image'), formatPlural(2000, 'image')]).toEqual(['1 image', '2,000 images']);
  expect([formatLarge(11_520), formatLarge(3_500_000)]).toEqual(['11,520', '3.50 M']);
  expect([formatBytes(512), formatBytes(11_201_004), formatBytes(5.1e9)]).toEqual([
    '512 bytes',
    '11.2 MB',
    '5.10 GB',
  ]);
  expect(formatPercent(0.468)).toBe('47%');
  expect([formatChange(0.0355), formatChange(-0.02)]).toEqual(['+0.0355', '−0.0200']);
  expect([formatAgo(0, 10_000), formatAgo(0, 7_200_000)]).toEqual(['just now', '2 h ago']);
});

test('the title shows progress only while a run works', () => {
  const progress = { stage: 'pool', done: 37, total: 100, unit: 'images', secondsLeft: 120 } as const;
  expect(runTitle(true, progress)).toBe('37% - 2 min · MI-Tune Studio');
  expect(runTitle(false, progress)).toBe('MI-Tune Studio');
  expect(runTitle(true, null)).toBe('MI-Tune Studio');
});

test('a running mean keeps constants and halves noise at the ends only', () => {
  expect(smooth([2, 2, 2, 2], 3)).toEqual([2, 2, 2, 2]);
  expect(smooth([0, 3, 0, 3], 3)).toEqual([1.5, 1, 2, 1.5]);
});

test('values are placed on a shared axis with gaps', () => {
  const points = [{ x: 10, y: 1 }];
  expect(
    onAxis(
      [5, 10, 15],
      points,
      (p) => p.x,
      (p) => p.y,
    ),
  ).toEqual([null, 1, null]);
});

test.each([
  [0, '0'],
  [0.01, '0.01'],
  [1e-4, '1e−4'],
  [2.5e-5, '2.5e−5'],
])('a rate of %s is %s', (rate, text) => expect(formatRate(rate)).toBe(text));

test('a moment of today has a time, others a date', () => {
  const noon = new Date(2026, 10, 23, 12).getTime();
  expect(formatDay(noon, noon + 3_600_000)).toMatch(/^today at 12:00\sPM$/);
  expect(formatDay(noon, noon + 86_400_000)).toBe('Nov 23, 2026');
});

test.each([
  ['models/hub-o-n-1234/unet/config.json', 'unet/config.json'],
  ['huggingface.co/models/thing', 'huggingface.co/models/thing'],
  ['https://example.org/models/sd/unet/config.json', 'https://example.org/models/sd/unet/config.json'],
  ['huggingface.co/runs/images/adapters/x', 'huggingface.co/runs/images/adapters/x'],
  ['models/name', 'models/name'],
])('the place %s is shown as %s', (where, shown) => expect(withoutFolderName(where)).toBe(shown));
