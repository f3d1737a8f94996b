/**
 * Matrix products and convolutions on wasm. The right side is packed into panels; for frozen weights once, kept until the
 * weight is disposed.
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
type ProductForm = 'NN' | 'NT' | 'TN';

/** What is added to a product: a bias [N], a tensor of the result's shape. */
type Terms = { readonly bias?: TensorInfo | undefined; readonly residual?: TensorInfo | undefined };

/** Rows that are computed together. */
const tileRows = 4;

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
  const [from, to, added] = [heap.address(x), heap.address(y), addedOf(heap, terms)];
  const rows = sizeOf(x.shape) / panels.depth;
  const starts = added.residual === 0 ? startsOfEqual(heap, x) : null;
  if (starts === null) {
    multiplyRows(heap, from, to, rows, panels, added);
    return y;
  }
  const samples = x.shape[0] as number;
  const each = rows / samples;
  const size = each * panels.columns;
  for (const [i, start] of starts.entries()) {
    const inputs = from + 4 * start * each * panels.depth;
    multiplyRows(heap, inputs, to + 4 * start * size, each, panels, added);
    const values = heap.values(y);
    const end = starts[i + 1] ?? samples;
    for (let copy = start + 1; copy < end; copy++)
      values.copyWithin(copy * size, start * size, (start + 1) * size);
  }
  return y;
}

/**
 * Where samples [N, L, D] differ from the one before: the candidates of a prompt share its context, whose keys and values
 * are then computed once. Null when all differ.
 */
function startsOfEqual(heap: WasmMemory, x: TensorInfo): readonly number[] | null {
  const samples = x.shape[0] as number;
  const bytes = (4 * sizeOf(x.shape)) / samples;
  if (x.shape.length !== 3 || bytes % 16 !== 0) return null;
  const address = heap.address(x);
  const starts = [0];
  for (let sample = 1; sample < samples; sample++) {
    const here = address + sample * bytes;
    if (heap.kernels.sameBits(here - bytes, here, bytes) === 0) starts.push(sample);
  }
  return starts.length === samples ? null : starts;
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
  heap.values(zeros).fill(0);
  const operands = [heap.address(from), heap.address(zeros), panels.address, added.bias, added.residual];
  const sizes = [
    ...[inner, columns, g.height, g.width, g.outHeight, g.outWidth, g.kernelHeight, g.kernelWidth],
    ...[g.stride, g.padTop, g.padLeft, forward ? 0 : 1],
  ];
  const calls = heap
    .parts(pixels, taps * inner * columns, tileRows)
    .map(([first, count]) => [...operands, heap.address(to), first, count, ...sizes]);
  heap.call('convolution', calls, heap.kernels.productScratch(pixels, taps));
}

function multiplyRows(
  heap: WasmMemory,
  a: number,
  c: number,
  rows: number,
  { address, depth, columns }: Panels,
  { bias, residual }: Added,
): void {
  const calls = heap.parts(rows, depth * columns, tileRows).map(([first, count]) => {
    const done = 4 * first * columns;
    const added = residual === 0 ? 0 : residual + done;
    return [a + 4 * first * depth, address, bias, added, c + done, count, depth, columns];
  });
  heap.call('matrixProduct', calls, heap.kernels.productScratch(rows, 1));
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
