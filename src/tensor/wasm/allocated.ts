import { StudioError } from '../../lib/errors.ts';
import type { BackendWasm, TensorInfo } from '../tf.ts';

/**
 * wasm addresses memory with 32 bits; when there is no more, tfjs goes on at address 0 and overwrites what is there.
 * @throws StudioError `memory-full`
 */
export function assertAllocated(backend: BackendWasm, { dataId, shape }: TensorInfo): void {
  if (backend.getMemoryOffset(dataId) !== 0) return;
  backend.disposeData(dataId);
  throw new StudioError('memory-full', `WebAssembly has no room for a tensor of [${shape.join(', ')}].`, {
    remedy: 'Choose a GPU, a smaller model, a smaller batch or smaller images.',
  });
}
