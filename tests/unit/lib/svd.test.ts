import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Matrix, multiply, orthonormalize, transpose } from '../../../src/lib/matrix.ts';
import { normals } from '../../../src/lib/philox.ts';
import { fullSvd, productSvd, type Svd, truncatedSvd } from '../../../src/lib/svd.ts';

const gaussian = (rows: number, columns: number, seed: number): Matrix => ({
  rows,
  columns,
  data: Float64Array.from(normals(seed, 1, 0, rows * columns)),
});

const matrices = fc
  .record({ rows: fc.integer({ min: 1, max: 13 }), columns: fc.integer({ min: 1, max: 13 }) })
  .chain(({ rows, columns }) =>
    fc
      .array(fc.float({ min: -8, max: 8, noNaN: true }), {
        minLength: rows * columns,
        maxLength: rows * columns,
      })
      .map((values): Matrix => ({ rows, columns, data: Float64Array.from(values) })),
  );

function rebuilt({ u, s, v }: Svd): Matrix {
  const scaled = Float64Array.from(u.data, (x, i) => x * (s[i % u.columns] as number));
  return multiply({ ...u, data: scaled }, transpose(v));
}

function distance(a: Matrix, b: Matrix): number {
  return Math.hypot(...a.data.map((x, i) => x - (b.data[i] as number)));
}

/** Largest deviation of V^T V from the identity, without columns that are zero. */
function skew(v: Matrix): number {
  const gram = multiply(transpose(v), v);
  return Math.max(
    ...gram.data.map((x, i) => {
      const [row, column] = [Math.floor(i / v.columns), i % v.columns];
      return row === column ? Math.min(Math.abs(x - 1), Math.abs(x)) : Math.abs(x);
    }),
  );
}

describe('the whole decomposition', () => {
  test('is that of matrices whose values are known', () => {
    // numpy.linalg.svd([[3, 0], [4, 5]]): sqrt(45), sqrt(5).
    const known: Matrix = { rows: 2, columns: 2, data: Float64Array.of(3, 0, 4, 5) };
    expect([...fullSvd(known).s].map((s) => s ** 2)).toEqual([expect.closeTo(45, 10), expect.closeTo(5, 10)]);
    const diagonal: Matrix = { rows: 2, columns: 3, data: Float64Array.of(0, -7, 0, 2, 0, 0) };
    expect([...fullSvd(diagonal).s]).toEqual([expect.closeTo(7, 12), expect.closeTo(2, 12)]);
  });

  test('rebuilds any matrix from orthonormal vectors and descending values', () => {
    fc.assert(
      fc.property(matrices, (a) => {
        const svd = fullSvd(a);
        const scale = Math.hypot(...a.data) + 1e-300;
        expect(distance(rebuilt(svd), a) / scale).toBeLessThan(1e-12);
        expect(Math.max(skew(svd.u), skew(svd.v))).toBeLessThan(1e-10);
        expect([...svd.s]).toEqual([...svd.s].sort((x, y) => y - x));
        expect(svd.s).toHaveLength(Math.min(a.rows, a.columns));
        const squares = svd.s.reduce((sum, s) => sum + s * s, 0);
        expect(Math.abs(Math.sqrt(squares) - scale) / scale).toBeLessThan(1e-12);
      }),
      { seed: 14, numRuns: 300 },
    );
  });

  test('finds the rank of products, and zero for nothing', () => {
    const product = multiply(gaussian(20, 3, 1), gaussian(3, 15, 2));
    const { s } = fullSvd(product);
    expect((s[3] as number) / (s[0] as number)).toBeLessThan(1e-14);
    expect((s[2] as number) / (s[0] as number)).toBeGreaterThan(0.05);
    expect([...fullSvd({ rows: 3, columns: 2, data: new Float64Array(6) }).s]).toEqual([0, 0]);
  });
});

describe('a truncated decomposition', () => {
  test('is the leading part of the whole one', () => {
    const a = gaussian(30, 20, 3);
    const [whole, part] = [fullSvd(a), truncatedSvd(a, 4)];
    expect(part.u.columns).toBe(4);
    expect([...part.s]).toEqual([...whole.s.slice(0, 4)]);
  });

  test.each([
    ['tall', 150, 90],
    ['wide', 90, 150],
  ])(
    'of a %s matrix leaves hardly more than the best one, even where values fall slowly',
    (_, rows, columns) => {
      const a = gaussian(rows, columns, 4); // the flattest spectrum there is
      const rank = 20;
      const left = distance(rebuilt(truncatedSvd(a, rank)), a);
      const best = Math.hypot(...fullSvd(a).s.slice(rank));
      expect(left / best).toBeGreaterThanOrEqual(1 - 1e-12);
      expect(left / best).toBeLessThan(1.01);
    },
  );

  test('is exact where the rank suffices', () => {
    const a = multiply(gaussian(120, 6, 5), gaussian(6, 140, 6));
    expect(distance(rebuilt(truncatedSvd(a, 6)), a) / Math.hypot(...a.data)).toBeLessThan(1e-12);
  });

  test('has the same bits for the same seed', () => {
    const a = gaussian(100, 90, 7);
    expect(truncatedSvd(a, 8, 3)).toEqual(truncatedSvd(a, 8, 3));
  });
});

test('the decomposition of a product needs only its factors', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 50 }), (rank, seed) => {
      const [b, a] = [gaussian(11, rank, seed), gaussian(rank, 9, seed + 100)];
      const product = multiply(b, a);
      const svd = productSvd(b, a);
      expect(distance(rebuilt(svd), product) / Math.hypot(...product.data)).toBeLessThan(1e-12);
    }),
    { seed: 15, numRuns: 60 },
  );
});

test('orthonormal columns span what was given, dependent ones become zero', () => {
  const a: Matrix = { rows: 3, columns: 3, data: Float64Array.of(1, 2, 0, 1, 2, 1, 0, 0, 5) };
  const { q, r } = orthonormalize(a);
  expect(distance(multiply(q, r), a)).toBeLessThan(1e-12);
  expect([0, 1, 2].map((row) => q.data[row * 3 + 1])).toEqual([0, 0, 0]);
});
