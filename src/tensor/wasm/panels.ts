/**
 * The packed right sides of matrix products on wasm (wasm/matmul.ts). Those of frozen weights are made on first use and
 * kept beside the weight until it is disposed.
 */
import { BackendWasm, type Tensor, type TensorInfo, tf } from '../tf.ts';
import type { WasmMemory } from './memory.ts';

/** What a frozen weight's panels are for: the layer, or its input gradient, which needs the transpose; in three ways. */
export type Use =
  | 'forward'
  | 'gradient'
  | 'winograd2'
  | 'winograd2Gradient'
  | 'winograd4'
  | 'winograd4Gradient';

/** A packed right side of `depth` rows and `columns` columns. */
export type Panels = { readonly address: number; readonly depth: number; readonly columns: number };

/** Addresses of what is added to a product: a bias per column and a tensor of the result's shape. 0 stands for none. */
export type Added = { readonly bias: number; readonly residual: number };

export const nothingAdded: Added = { bias: 0, residual: 0 };

/** Columns of a panel. */
export const panelColumns = 8;

/** Panels of frozen weights, by the tensor that holds their values. */
const kept = new WeakMap<Tensor, Map<Use, TensorInfo>>();

/** The panels of a weight for one use, packed by `fill` the first time. */
export function keptPanels(
  heap: WasmMemory,
  weight: Tensor,
  use: Use,
  depth: number,
  columns: number,
  fill: (panels: Panels) => void,
): Panels {
  const ofWeight = kept.get(weight) ?? new Map<Use, TensorInfo>();
  kept.set(weight, ofWeight);
  const known = ofWeight.get(use);
  if (known !== undefined) return { address: heap.address(known), depth, columns };
  const made = heap.allocateKept([panelSize(depth, columns)]);
  ofWeight.set(use, made);
  const panels = { address: heap.address(made), depth, columns };
  fill(panels);
  return panels;
}

/** Panels for the work at hand. */
export function allocatePanels(heap: WasmMemory, depth: number, columns: number): Panels {
  return { address: heap.address(heap.allocate([panelSize(depth, columns)])), depth, columns };
}

/** Packs [depth, columns] at `source`, or with `turn` the transpose of [columns, depth]. */
export function packMatrix(heap: WasmMemory, source: number, panels: Panels, turn: boolean): void {
  const { address, depth, columns } = panels;
  const { pack, packTransposed } = heap.kernels;
  if (turn) packTransposed(source, 4 * depth, address, 4 * panelColumns * depth, depth, columns);
  else pack(source, 4 * columns, address, depth, columns);
}

/** Frees the panels packed from a weight's tensor. */
export function dropPanels(weight: Tensor): void {
  const backend = tf.backend();
  for (const panels of kept.get(weight)?.values() ?? []) {
    if (backend instanceof BackendWasm) backend.disposeData(panels.dataId);
  }
  kept.delete(weight);
}

/** Floats of the panels of one matrix. */
export function panelSize(depth: number, columns: number): number {
  return depth * Math.ceil(columns / panelColumns) * panelColumns;
}
