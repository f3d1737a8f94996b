/** Values nested deeper than any message of the protocol are not looked at. */
const MAX_DEPTH = 5;

/**
 * Buffers of the byte arrays in a message, to be moved instead of copied. Only `Uint8Array` and pixel arrays are made
 * for sending; float arrays may still be in use and are copied.
 */
export function transferables(message: unknown): Transferable[] {
  const buffers = new Set<ArrayBuffer>();
  collect(message, buffers, 0);
  return [...buffers];
}

function collect(value: unknown, buffers: Set<ArrayBuffer>, depth: number): void {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
  if (value instanceof Uint8Array || value instanceof Uint8ClampedArray) {
    if (value.buffer instanceof ArrayBuffer) buffers.add(value.buffer);
    return;
  }
  if (ArrayBuffer.isView(value) || value instanceof Blob) return;
  // Lists of numbers hold no buffers; looking at their first entry is enough.
  if (Array.isArray(value) && typeof value[0] === 'number') return;
  for (const entry of Object.values(value)) collect(entry, buffers, depth + 1);
}
