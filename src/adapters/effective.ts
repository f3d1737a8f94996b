/**
 * What an adapter makes of a weight: W' = (W + s B A) m / n, with n the norm of W + s B A along the magnitude's axis
 * (DoRA, arXiv 2402.09353, equation 5). All of it in float64.
 */
import { dot, type Matrix, multiply } from '../lib/matrix.ts';
import { matrixSize, type PlainLayer } from './plain.ts';

/** The frozen weight of a module in its checkpoint's layout. */
export type FrozenWeights = (module: string) => Promise<Float32Array>;

/** s B A, or the difference that the file gives: [out, in * kh * kw]. */
export function updateOf({ update, shape }: PlainLayer): Matrix {
  const { rows, columns } = matrixSize(shape);
  if (update.kind === 'difference') return { rows, columns, data: update.values };
  const { rank, up, down, scaling } = update;
  const scaled = scaling === 1 ? up : Float64Array.from(up, (x) => x * scaling);
  return multiply({ rows, columns: rank, data: scaled }, { rows: rank, columns, data: down });
}

/** W' [out, in * kh * kw]. */
export function adaptedWeight(layer: PlainLayer, w: Float32Array): Matrix {
  const { rows, columns, data } = updateOf(layer);
  const updated = Float64Array.from(data, (x, i) => x + (w[i] as number));
  if (layer.magnitude !== null) {
    const scales = magnitudeScales(layer, w);
    const taps = columns / (layer.shape[1] as number);
    const byRow = layer.magnitude.axis === 'output';
    for (let i = 0; i < updated.length; i++) {
      const at = byRow ? Math.floor(i / columns) : Math.floor((i % columns) / taps);
      updated[i] = (updated[i] as number) * (scales[at] as number);
    }
  }
  return { rows, columns, data: updated };
}

/** W' - W, which plain loaders add to the weight. A layer without magnitudes does not need W. */
export async function effectiveDifference(layer: PlainLayer, frozen: FrozenWeights): Promise<Matrix> {
  if (layer.magnitude === null) return updateOf(layer);
  const w = await frozen(layer.module);
  const { rows, columns, data } = adaptedWeight(layer, w);
  return { rows, columns, data: Float64Array.from(data, (x, i) => x - (w[i] as number)) };
}

/**
 * m / n for every output or input of a layer with magnitudes.
 * @param w its frozen weight
 */
export function magnitudeScales(layer: PlainLayer, w: Float32Array): Float64Array {
  const { axis, over, values } = layer.magnitude as NonNullable<PlainLayer['magnitude']>;
  const { rows, columns } = matrixSize(layer.shape);
  const frozen = { rows, columns, data: w };
  const normed = over === 'frozen' ? frozen : added(updateOf(layer), w);
  const norms = axis === 'output' ? rowNorms(normed) : inputNorms(normed, layer.shape);
  return Float64Array.from(values, (m, i) => m / (norms[i] as number));
}

/** The same layer with magnitudes as PEFT has them: per output, over the norm of the updated weight. */
export async function overUpdatedNorm(layer: PlainLayer, frozen: FrozenWeights): Promise<PlainLayer> {
  const { magnitude, module } = layer;
  if (magnitude === null || magnitude.over === 'updated') return layer;
  const w = await frozen(module);
  const norms = rowNorms(added(updateOf(layer), w));
  const values = Float32Array.from(magnitudeScales(layer, w), (scale, row) => scale * (norms[row] as number));
  return { ...layer, magnitude: { axis: 'output', over: 'updated', values } };
}

/** Length of every row. */
export function rowNorms({ rows, columns, data }: Matrix): Float64Array {
  const norms = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) sum += (data[i] as number) ** 2;
    norms[row] = Math.sqrt(sum);
  }
  return norms;
}

/** Length of what every input is multiplied by: a column of a dense layer, a slice [:, i] of a kernel. */
function inputNorms({ columns, data }: Matrix, shape: readonly number[]): Float64Array {
  const inputs = shape[1] as number;
  const taps = columns / inputs;
  const squares = new Float64Array(inputs);
  for (let i = 0; i < data.length; i++) {
    const input = Math.floor((i % columns) / taps);
    squares[input] = (squares[input] as number) + (data[i] as number) ** 2;
  }
  return squares.map(Math.sqrt);
}

function added({ rows, columns, data }: Matrix, w: Float32Array): Matrix {
  return { rows, columns, data: Float64Array.from(data, (x, i) => x + (w[i] as number)) };
}

/** Root of the sum of squares. */
export function frobenius(data: Matrix['data']): number {
  return Math.sqrt(dot(data, data));
}
