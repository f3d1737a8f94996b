import { createSHA256 } from 'hash-wasm';
import type { ByteSource } from '../lib/bytes.ts';

const PIECE_BYTES = 4 * 2 ** 20;

/** SHA-256 of a file of any size in hexadecimal, a few MB of it in memory at a time. */
export async function hashFile(
  source: ByteSource,
  { onBytes, signal }: { onBytes?: (bytes: number) => void; signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const hash = await createSHA256();
  for (let offset = 0; offset < source.sizeBytes; offset += PIECE_BYTES) {
    signal?.throwIfAborted();
    const piece = await source.read(offset, Math.min(PIECE_BYTES, source.sizeBytes - offset));
    hash.update(piece);
    onBytes?.(piece.byteLength);
  }
  return hash.digest('hex');
}
