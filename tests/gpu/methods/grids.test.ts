import { expect, it } from 'vitest';
import {
  bilinear,
  compose,
  mapAxes,
  mapPixels,
  nearest,
  pixelMatrix,
  smoothing,
  transpose,
} from '../../../src/methods/code/grids.ts';
import { type Tensor3D, tf } from '../../../src/tensor/tf.ts';
import { expectGradients, onBackends, randoms, relativeError, take } from '../kernels/harness.ts';

it('smooths with the weights that upstream uses, reflected at the border', () => {
  const [first, second] = smoothing(4).map((row) => row.map((x) => Number(x.toFixed(4))));
  // torch.exp(-((x - 1) / (2 * 0.5)) ** 2) for x in 0..2, divided by its sum
  expect(second).toEqual([0.2119, 0.5761, 0.2119, 0]);
  expect(first).toEqual([0.5761, 0.4239, 0, 0]);
  expect(smoothing(1)).toEqual([[1]]);
});

it('enlarges as PyTorch does', () => {
  // torch.nn.functional.interpolate(torch.tensor([[[0., 1.]]]), size=4, mode='linear'): 0, .25, .75, 1
  expect(bilinear(2, 4).map((row) => row[1])).toEqual([0, 0.25, 0.75, 1]);
  expect(nearest(2, 5).map((row) => row.indexOf(1))).toEqual([0, 0, 0, 1, 1]);
});

onBackends('maps between grids', () => {
  it('are the same by pixels as by axes, on odd sizes', async () => {
    const [rows, columns] = [bilinear(3, 5), compose(smoothing(7), nearest(4, 7))];
    const values = randoms(1, 2 * 3 * 4);
    const x = tf.tensor3d(values, [2, 3, 4]);
    const matrix = pixelMatrix(rows, columns);
    const byPixels = tf.tidy(() => mapPixels(tf.reshape(x, [2, 12]), matrix));
    const expected = Float32Array.from(
      [0, 1].flatMap((n) =>
        rows.flatMap((row) =>
          columns.map((column) => {
            let sum = 0;
            row.forEach((a, i) => {
              column.forEach((b, j) => {
                sum += a * b * (values[n * 12 + i * 4 + j] as number);
              });
            });
            return sum;
          }),
        ),
      ),
    );
    expect(relativeError(await take(byPixels), expected)).toBeLessThan(1e-6);
    expect(relativeError(await take(mapAxes(x, rows, columns)), expected)).toBeLessThan(1e-6);
    tf.dispose([x, matrix]);
  });

  it('carry gradients', async () => {
    const map = smoothing(3);
    const matrix = pixelMatrix(map, map);
    const wide = transpose(pixelRows(map));
    await expectGradients({
      op: (x) => mapPixels(x as Tensor3D, matrix),
      reference: (x) => {
        const y = new Float64Array(18);
        for (let n = 0; n < 2; n++)
          for (let to = 0; to < 9; to++)
            for (let from = 0; from < 9; from++)
              y[9 * n + to] =
                (y[9 * n + to] as number) + (wide[from]?.[to] as number) * (x?.[9 * n + from] as number);
        return y;
      },
      inputs: [{ values: randoms(2, 18), shape: [2, 9] }],
      tolerance: 1e-4,
    });
    matrix.dispose();
  });
});

/** [to][from] over pixels of a square grid. */
function pixelRows(map: readonly (readonly number[])[]): number[][] {
  return map.flatMap((a) => map.map((b) => a.flatMap((x) => b.map((y) => x * y))));
}
