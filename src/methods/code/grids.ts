/** Linear maps between pixel grids, axis by axis: plain matrices, since attention maps are small. */
import { matmulTrain } from '../../tensor/ops/matmulTrain.ts';
import { scope, type Tensor, type Tensor2D, type Tensor3D, tf } from '../../tensor/tf.ts';

export type Grid = readonly [height: number, width: number];

/** Rows of a matrix [to][from]. */
type AxisMap = readonly (readonly number[])[];

/**
 * The 3-tap kernel that Attend-and-Excite and S-CFG smooth maps with, reflected at the borders. Its exponent is
 * -(d / 2 sigma)^2 with sigma 0.5, so the weights are .2119, .5761, .2119; a Gaussian of that sigma would have
 * .1065, .7870, .1065.
 */
export function smoothing(size: number): AxisMap {
  const side = Math.exp(-1);
  const total = 1 + 2 * side;
  const reflect = (j: number): number => (size === 1 ? 0 : j < 0 ? -j : j >= size ? 2 * (size - 1) - j : j);
  return axisMap(size, size, (i, add) => {
    add(i, 1 / total);
    for (const j of [i - 1, i + 1]) add(reflect(j), side / total);
  });
}

/** Bilinear with half-pixel centers, as PyTorch's `interpolate(align_corners=False)`. */
export function bilinear(from: number, to: number): AxisMap {
  return axisMap(from, to, (i, add) => {
    const source = Math.max(((i + 0.5) * from) / to - 0.5, 0);
    const below = Math.floor(source);
    add(below, 1 - (source - below));
    add(Math.min(below + 1, from - 1), source - below);
  });
}

/** Nearest neighbor: every source pixel fills its block. */
export function nearest(from: number, to: number): AxisMap {
  return axisMap(from, to, (i, add) => add(Math.floor((i * from) / to), 1));
}

/** `after` applied to what `before` gives. */
export function compose(after: AxisMap, before: AxisMap): AxisMap {
  return after.map((row) =>
    (before[0] as readonly number[]).map((_, k) =>
      row.reduce((sum, weight, j) => sum + weight * ((before[j] as readonly number[])[k] as number), 0),
    ),
  );
}

/** The map of the way back: it carries gradients where this one carries values. */
export function transpose(map: AxisMap): AxisMap {
  return (map[0] as readonly number[]).map((_, j) => map.map((row) => row[j] as number));
}

/** A map of both axes as one matrix on pixels in row-major order, transposed: [from pixels, to pixels]. */
export function pixelMatrix(rows: AxisMap, columns: AxisMap): Tensor2D {
  const [r, c] = [transpose(rows), transpose(columns)];
  const values = r.flatMap((row) => c.map((column) => row.flatMap((a) => column.map((b) => a * b))));
  return tf.tensor2d(values as number[][]);
}

/** x [..., from pixels] by a pixel matrix [from pixels, to pixels]; differentiable. */
export function mapPixels(x: Tensor, matrix: Tensor2D): Tensor {
  const [from, to] = matrix.shape;
  return scope(() =>
    tf.reshape(matmulTrain(tf.reshape(x, [-1, from]), matrix), [...x.shape.slice(0, -1), to]),
  );
}

/** x [N, h, w] along both axes, for grids that are too large for one pixel matrix. */
export function mapAxes(x: Tensor3D, rows: AxisMap, columns: AxisMap): Tensor3D {
  return scope(() => {
    const along = (y: Tensor3D, map: AxisMap): Tensor3D =>
      tf.transpose(mapPixels(y, tf.tensor2d(transpose(map) as number[][])) as Tensor3D, [0, 2, 1]);
    return along(along(x, columns), rows);
  });
}

function axisMap(
  from: number,
  to: number,
  fill: (i: number, add: (j: number, weight: number) => void) => void,
): AxisMap {
  return Array.from({ length: to }, (_, i) => {
    const row = new Array<number>(from).fill(0);
    fill(i, (j, weight) => {
      row[j] = (row[j] as number) + weight;
    });
    return row;
  });
}
