/** Safetensors files larger than memory: the header first, from names and shapes alone, then one tensor after another. */
import { StudioError } from '../lib/errors.ts';
import { type Layout, planSafetensors, type WritableTensor } from './safetensorsLayout.ts';

/** A tensor whose values are made when they are written. F16 data are bit patterns. */
export type LazyTensor = Pick<WritableTensor, 'name' | 'shape' | 'dtype'> & {
  read(): Promise<WritableTensor['data']>;
};

/** What a file will take, before anything is computed. */
export function lazyFileBytes(
  tensors: readonly LazyTensor[],
  metadata: Readonly<Record<string, string>>,
): number {
  const { header, dataBytes } = planSafetensors(tensors, metadata);
  return header.byteLength + dataBytes;
}

/**
 * The bytes of a file, piece by piece, as `writeSafetensors` would write them at once.
 * @throws StudioError `safetensors-write` for a duplicate or reserved name, or values that do not fill their shape
 */
export async function* streamSafetensors(
  tensors: readonly LazyTensor[],
  metadata: Readonly<Record<string, string>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { header, order }: Layout<LazyTensor> = planSafetensors(tensors, metadata);
  yield header;
  for (const { tensor, sizeBytes } of order) {
    const data = await tensor.read();
    if (data.byteLength !== sizeBytes) {
      throw new StudioError('safetensors-write', `The tensor ${tensor.name} cannot be written.`, {
        remedy: `It has ${data.byteLength} bytes where its shape [${tensor.shape.join(', ')}] needs ${sizeBytes}.`,
        where: tensor.name,
      });
    }
    yield new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  }
}
