/** Tensors over part of another tensor's memory on wasm: slices without a copy. The stock slice copies its whole input. */
import type { BackendWasm, TensorInfo } from './tf.ts';

/** Part of the wasm module that its types leave out. */
type Module = { readonly tfjs: { disposeData(id: number): void } };

/** `shape` values of `x` from `offset` on. Drop it with `dropView` before `x` is freed. */
export function viewOf(
  backend: BackendWasm,
  x: TensorInfo,
  offset: number,
  shape: readonly number[],
): TensorInfo {
  return backend.makeOutput([...shape], 'float32', backend.getMemoryOffset(x.dataId) + 4 * offset);
}

/** Forgets a view and the operators cached for it, without freeing memory that is not its own. */
export function dropView(backend: BackendWasm, view: TensorInfo): void {
  const { id } = backend.dataIdMap.get(view.dataId);
  (backend.wasm as unknown as Module).tfjs.disposeData(id);
  backend.dataIdMap.delete(view.dataId);
}
