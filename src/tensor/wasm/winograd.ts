/**
 * 3x3 convolutions of stride 1 on wasm by Winograd's filtering, in tiles of 2 x 2 pixels (wasm/winograd.ts), which takes 4/9 of
 * the products, or of 4 x 4 (wasm/winograd4.ts), which takes 1/4.
 */

import { sizeOf, type Tensor, type TensorInfo } from '../tf.ts';
import type { WasmMemory } from './memory.ts';
import { type Added, keptPanels, nothingAdded, packMatrix, panelSize, type Use } from './panels.ts';

/** Sizes of one convolution. */
export type ConvGeometry = {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly inChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly stride: 1 | 2;
  /** Padding before and after, rows then columns. */
  readonly padTop: number;
  readonly padBottom: number;
  readonly padLeft: number;
  readonly padRight: number;
};

/** Larger weights would take too much memory as 36 matrices, four times their size. */
const mostWeights = 256 * 256;

/** Below this, transforming costs more than it saves. */
const fewestChannels = 16;

/** Positions of a transformed tile, each a matrix product over channels. */
const positionsOf = (side: Side): number => (side + 2) ** 2;

type Side = 2 | 4;

/** Depends on nothing that changes with the batch, as bits would change with it. */
export function winogradFits(g: ConvGeometry): boolean {
  const { inChannels, outChannels } = g;
  return (
    g.kernelHeight === 3 &&
    g.kernelWidth === 3 &&
    g.stride === 1 &&
    inChannels % 4 === 0 &&
    outChannels % 4 === 0 &&
    Math.min(inChannels, outChannels) >= fewestChannels &&
    Math.min(g.height, g.width, g.outHeight, g.outWidth) >= 2
  );
}

/** x [N,H,W,Cin] and the weight [3,3,Cin,Cout] to `to` [N,H',W',Cout]. */
export function winograd(
  heap: WasmMemory,
  x: TensorInfo,
  weight: Tensor,
  to: TensorInfo,
  g: ConvGeometry,
  added: Added,
): void {
  run(heap, weight, { from: x, to, added, padTop: g.padTop, padLeft: g.padLeft, turn: false });
}

/** dy [N,H',W',Cout] to `dx` [N,H,W,Cin]: the convolution with the turned and transposed filter. */
export function winogradGradient(
  heap: WasmMemory,
  dy: TensorInfo,
  weight: Tensor,
  dx: TensorInfo,
  g: ConvGeometry,
): void {
  const [padTop, padLeft] = [2 - g.padTop, 2 - g.padLeft];
  run(heap, weight, { from: dy, to: dx, added: nothingAdded, padTop, padLeft, turn: true });
}

type Convolution = {
  readonly from: TensorInfo;
  readonly to: TensorInfo;
  readonly added: Added;
  readonly padTop: number;
  readonly padLeft: number;
  /** With the turned and transposed filter. */
  readonly turn: boolean;
};

/**
 * The side of the tiles of an image, of which those at the end may be more than is needed. Depends on nothing that changes
 * with the batch.
 */
function sideOf(largest: Side, height: number, width: number, weights: number): Side {
  const cost = (side: Side): number => Math.ceil(height / side) * Math.ceil(width / side) * positionsOf(side);
  return largest === 4 && weights <= mostWeights && cost(4) < cost(2) ? 4 : 2;
}

function run(heap: WasmMemory, weight: Tensor, convolution: Convolution): void {
  const { from, to, added, padTop, padLeft, turn } = convolution;
  const [, height, width, inner] = from.shape as [number, number, number, number];
  const [batch, outHeight, outWidth, columns] = to.shape as [number, number, number, number];
  const side = sideOf(heap.largestTile, outHeight, outWidth, inner * columns);
  const tiles = batch * Math.ceil(outHeight / side) * Math.ceil(outWidth / side);
  const panels = winogradPanels(heap, weight, side, turn);
  const zeros = heap.allocate([inner]);
  heap.values(zeros).fill(0);
  const operands = [heap.address(from), heap.address(zeros), panels, added.bias, added.residual];
  const sizes = [inner, columns, height, width, outHeight, outWidth, padTop, padLeft, side];
  const calls = heap
    .parts(tiles, positionsOf(side) * inner * columns)
    .map(([first, count]) => [...operands, heap.address(to), first, count, ...sizes]);
  heap.call('winograd', calls, heap.kernels.winogradScratch(side, tiles, inner, columns));
}

/** Address of the transformed weights, each packed. */
function winogradPanels(heap: WasmMemory, weight: Tensor, side: Side, turn: boolean): number {
  const [, , inputs, outputs] = weight.shape as [number, number, number, number];
  const [depth, columns] = turn ? [outputs, inputs] : [inputs, outputs];
  const positions = positionsOf(side);
  const use: Use = turn ? `winograd${side}Gradient` : `winograd${side}`;
  const { address } = keptPanels(heap, weight, use, positions * depth, columns, (panels) => {
    const { winogradWeights, winograd4Weights } = heap.kernels;
    const transform = side === 4 ? winograd4Weights : winogradWeights;
    const transformed = heap.address(heap.allocate([positions * inputs * outputs]));
    transform(heap.address(weight), transformed, inputs, outputs, turn ? 1 : 0);
    for (let position = 0; position < positions; position++) {
      const to = { address: panels.address + 4 * position * panelSize(depth, columns), depth, columns };
      packMatrix(heap, transformed + 4 * position * sizeOf([inputs, outputs]), to, turn);
    }
  });
  return address;
}
