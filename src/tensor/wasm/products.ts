/**
 * Matrix products and convolutions on wasm. The right side is packed into panels; for frozen weights once, kept until the
 * weight is disposed. Rows go through in groups whose table of addresses and inputs stay in the cache.
 */

import { sizeOf, type TensorInfo } from '../tf.ts';
import type { Weight } from '../weights.ts';
import type { WasmMemory } from './memory.ts';
import {
  type Added,
  allocatePanels,
  keptPanels,
  nothingAdded,
  type Panels,
  packMatrix,
  panelColumns,
  type Use,
} from './panels.ts';
import { type ConvGeometry, winograd, winogradFits, winogradGradient } from './winograd.ts';

/** How the operands of a product are read: N as it is, T transposed; the left one first. */
export type ProductForm = 'NN' | 'NT' | 'TN';

/** What is added to a product: a bias [N], a tensor of the result's shape. */
type Terms = { readonly bias?: TensorInfo | undefined; readonly residual?: TensorInfo | undefined };

/** Rows of a group; a multiple of the 4 that are computed together. */
const groupRows = 256;

/** c [M,N] for a [M,K] and b [K,N] in the given form, plus bias [N]. */
export function product(
  heap: WasmMemory,
  a: TensorInfo,
  b: TensorInfo,
  form: ProductForm,
  bias?: TensorInfo,
): TensorInfo {
  const left = form === 'TN' ? transposed(heap, a) : a;
  const [rows, inner] = left.shape as [number, number];
  const columns = b.shape[form === 'NT' ? 0 : 1] as number;
  const panels = allocatePanels(heap, inner, columns);
  packMatrix(heap, heap.address(b), panels, form === 'NT');
  const c = heap.allocate([rows, columns]);
  multiplyRows(heap, heap.address(left), heap.address(c), rows, panels, addedOf(heap, { bias }));
  return c;
}

/** Like `product` for each of G pairs: a [G,M,K] (TN: [G,K,M]), b [G,K,N]. */
export function batchProduct(heap: WasmMemory, a: TensorInfo, b: TensorInfo, form: 'NN' | 'TN'): TensorInfo {
  const [count, , columns] = b.shape as [number, number, number];
  const [rows, inner] = (form === 'NN' ? a.shape.slice(1) : a.shape.slice(1).toReversed()) as [
    number,
    number,
  ];
  const c = heap.allocate([count, rows, columns]);
  const panels = allocatePanels(heap, inner, columns);
  const turned = form === 'TN' ? heap.address(heap.allocate([rows, inner])) : 0;
  for (let i = 0; i < count; i++) {
    let left = heap.address(a) + 4 * i * rows * inner;
    if (form === 'TN') {
      heap.kernels.transpose(left, turned, inner, rows);
      left = turned;
    }
    packMatrix(heap, heap.address(b) + 4 * i * inner * columns, panels, false);
    multiplyRows(heap, left, heap.address(c) + 4 * i * rows * columns, rows, panels, nothingAdded);
  }
  return c;
}

/** x [..., in] times a frozen weight [in, out], or dy [..., out] times its transpose. */
export function weightProduct(
  heap: WasmMemory,
  x: TensorInfo,
  weight: Weight,
  use: 'forward' | 'gradient',
  terms: Terms = {},
): TensorInfo {
  const panels = linearPanels(heap, weight, use);
  const y = heap.allocate([...x.shape.slice(0, -1), panels.columns]);
  multiplyRows(
    heap,
    heap.address(x),
    heap.address(y),
    sizeOf(x.shape) / panels.depth,
    panels,
    addedOf(heap, terms),
  );
  return y;
}

/** x [N,H,W,Cin] to [N,H',W',Cout]. */
export function convolve(
  heap: WasmMemory,
  x: TensorInfo,
  weight: Weight,
  g: ConvGeometry,
  terms: Terms = {},
): TensorInfo {
  const y = heap.allocate([g.batch, g.outHeight, g.outWidth, g.outChannels]);
  const added = addedOf(heap, terms);
  if (winogradFits(g)) winograd(heap, x, weight.tensor, y, g, added);
  else convolveRows(heap, 'forward', { from: x, to: y, weight, added }, g);
  return y;
}

/** dy [N,H',W',Cout] to dx [N,H,W,Cin]. */
export function convolveGradient(
  heap: WasmMemory,
  dy: TensorInfo,
  weight: Weight,
  g: ConvGeometry,
): TensorInfo {
  const dx = heap.allocate([g.batch, g.height, g.width, g.inChannels]);
  if (winogradFits(g)) winogradGradient(heap, dy, weight.tensor, dx, g);
  else convolveRows(heap, 'gradient', { from: dy, to: dx, weight, added: nothingAdded }, g);
  return dx;
}

type Convolution = {
  readonly from: TensorInfo;
  readonly to: TensorInfo;
  readonly weight: Weight;
  readonly added: Added;
};

function convolveRows(
  heap: WasmMemory,
  use: Use,
  { from, to, weight, added }: Convolution,
  g: ConvGeometry,
): void {
  const forward = use === 'forward';
  const [inner, columns] = forward ? [g.inChannels, g.outChannels] : [g.outChannels, g.inChannels];
  const taps = g.kernelHeight * g.kernelWidth;
  const panels = convPanels(heap, weight, use, [taps, inner, columns]);
  const pixels = sizeOf(to.shape) / columns;
  const zeros = heap.allocate([inner]);
  const table = heap.address(heap.allocate([Math.min(groupRows, pixels + 3) * taps]));
  heap.values(zeros).fill(0);
  const { multiply, convolutionRows, convolutionGradientRows } = heap.kernels;
  const fillTable = forward ? convolutionRows : convolutionGradientRows;
  const [source, target] = [heap.address(from), heap.address(to)];
  for (let first = 0; first < pixels; first += groupRows) {
    const count = Math.min(groupRows, pixels - first);
    fillTable(
      source,
      heap.address(zeros),
      table,
      first,
      count,
      g.height,
      g.width,
      inner,
      g.outHeight,
      g.outWidth,
      g.kernelHeight,
      g.kernelWidth,
      g.stride,
      g.padTop,
      g.padLeft,
    );
    const done = 4 * first * columns;
    const { bias, residual } = shifted(added, done);
    multiply(table, taps, inner, panels.address, bias, residual, target + done, 4 * columns, count, columns);
  }
}

function multiplyRows(
  heap: WasmMemory,
  a: number,
  c: number,
  rows: number,
  { address, depth, columns }: Panels,
  added: Added,
): void {
  const { matrixRows, multiply } = heap.kernels;
  const table = heap.address(heap.allocate([Math.min(groupRows, rows + 3)]));
  for (let first = 0; first < rows; first += groupRows) {
    const count = Math.min(groupRows, rows - first);
    matrixRows(a + 4 * first * depth, 4 * depth, table, count);
    const done = 4 * first * columns;
    const { bias, residual } = shifted(added, done);
    multiply(table, 1, depth, address, bias, residual, c + done, 4 * columns, count, columns);
  }
}

function linearPanels(heap: WasmMemory, weight: Weight, use: Use): Panels {
  const [inputs, outputs] = weight.shape as [number, number];
  const forward = use === 'forward';
  const [depth, columns] = forward ? [inputs, outputs] : [outputs, inputs];
  return keptPanels(heap, weight.tensor, use, depth, columns, (panels) =>
    packMatrix(heap, heap.address(weight.tensor), panels, !forward),
  );
}

function convPanels(
  heap: WasmMemory,
  weight: Weight,
  use: Use,
  [taps, inner, columns]: readonly [number, number, number],
): Panels {
  return keptPanels(heap, weight.tensor, use, taps * inner, columns, (panels) => {
    const source = heap.address(weight.tensor);
    if (use === 'forward') {
      packMatrix(heap, source, panels, false);
      return;
    }
    // Tap by tap the transpose: the gradient sums over output channels.
    const apart = 4 * panelColumns * panels.depth;
    for (let tap = 0; tap < taps; tap++) {
      const to = panels.address + 4 * panelColumns * tap * inner;
      heap.kernels.packTransposed(source + 4 * tap * inner * columns, 4 * inner, to, apart, inner, columns);
    }
  });
}

function transposed(heap: WasmMemory, x: TensorInfo): TensorInfo {
  const [rows, columns] = x.shape as [number, number];
  const result = heap.allocate([columns, rows]);
  heap.kernels.transpose(heap.address(x), heap.address(result), rows, columns);
  return result;
}

function addedOf(heap: WasmMemory, { bias, residual }: Terms): Added {
  const addressOf = (x: TensorInfo | undefined): number => (x === undefined ? 0 : heap.address(x));
  return { bias: addressOf(bias), residual: addressOf(residual) };
}

/** For rows that start `bytes` further down. */
function shifted({ bias, residual }: Added, bytes: number): Added {
  return { bias, residual: residual === 0 ? 0 : residual + bytes };
}
