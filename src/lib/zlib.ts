/** zlib streams (RFC 1950) and bare deflate (RFC 1951) by the platform's own codec, in pages, workers and Node alike. */
import { concatBytes } from './bytes.ts';

/** A zlib stream, header and checksum included. */
export async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const compressed = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(compressed).arrayBuffer());
}

/**
 * Stops as soon as the output passes `maxBytes`, so a small file cannot fill the memory.
 * @param format `deflate-raw` is without zlib's header and checksum, as in zip files
 * @throws Error when the stream is damaged, truncated or larger than `maxBytes`
 */
export async function inflate(
  bytes: Uint8Array<ArrayBuffer>,
  maxBytes: number,
  format: 'deflate' | 'deflate-raw' = 'deflate',
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format));
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    sizeBytes += next.value.byteLength;
    if (sizeBytes > maxBytes) {
      await reader.cancel();
      throw new Error(`the compressed data hold more than ${maxBytes} bytes`);
    }
    parts.push(next.value);
  }
  return concatBytes(parts);
}
