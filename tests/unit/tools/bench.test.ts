import { expect, test } from 'vitest';
import { Bench, type BenchRow, median } from '../../../tools/bench/bench.ts';

const backend = { name: 'wasm', reason: '', limits: {}, features: [], precision: 'f32' } as const;

test('median', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('variants take turns, warm-ups are not counted, ratios refer to the first', async () => {
  const rows: BenchRow[] = [];
  const bench = new Bench('suite', backend, async (row) => void rows.push(row));
  const order: string[] = [];
  const variant = (name: string, ms: number) => async () => {
    order.push(name);
    await new Promise((done) => setTimeout(done, ms));
  };
  const medians = await bench.compare(
    't',
    { slow: variant('s', 20), fast: variant('f', 1) },
    { repeats: 3, warmUps: 1 },
  );
  expect(order.join('')).toBe('sfsfsfsf');
  expect(rows.map((row) => row.variant)).toEqual(['slow', 'fast']);
  expect(rows[0]?.ratio).toBe(1);
  expect(rows[1]?.ratio).toBe(medians.slow / medians.fast);
  expect(medians.slow).toBeGreaterThan(medians.fast);
});
