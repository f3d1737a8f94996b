// What a disk has of a file after the power was lost in the middle of its writes.

/** Bytes that a disk writes at once: a write that power interrupts is torn between two of them. */
const SECTOR = 512;

export type Write = { readonly at: number; readonly bytes: Uint8Array } | { readonly size: number };
export type MemoryFile = {
  /** As any program sees it. */
  current: Uint8Array<ArrayBuffer>;
  /** As the disk has it for sure; null while even the name may be lost. */
  safe: Uint8Array<ArrayBuffer> | null;
  /** What was done since. */
  pending: Write[];
  held: boolean;
};

/**
 * The bytes of a file after power was lost: what was flushed, and of what was not any part, in any order, with whole
 * sectors missing, zero or wrong. Null where not even the name was kept.
 */
export function survivors(file: MemoryFile, random: () => number): Uint8Array<ArrayBuffer> | null {
  if (file.pending.length === 0) return file.safe;
  if (file.safe === null && random() < 0.3) return null;
  let bytes = file.safe ?? new Uint8Array(0);
  const order = [...file.pending].sort(() => random() - 0.5);
  for (const write of order) {
    const fate = random();
    if (fate < 0.3) continue;
    bytes = applied(bytes, fate < 0.6 || 'size' in write ? write : torn(write, random));
  }
  return bytes;
}

/** A write of which sectors are missing, zero or flipped. */
function torn(
  { at, bytes }: { readonly at: number; readonly bytes: Uint8Array },
  random: () => number,
): Write {
  const result = bytes.slice(0, random() < 0.5 ? Math.ceil(bytes.byteLength * random()) : bytes.byteLength);
  for (let from = 0; from < result.byteLength; from += SECTOR) {
    const fate = random();
    const sector = result.subarray(from, from + SECTOR);
    if (fate < 0.2) sector.fill(0);
    else if (fate < 0.4) {
      const place = Math.floor(random() * sector.byteLength);
      sector[place] = (sector[place] ?? 0) ^ (1 << Math.floor(random() * 8));
    }
  }
  return { at, bytes: result };
}

export function applied(old: Uint8Array<ArrayBuffer>, write: Write): Uint8Array<ArrayBuffer> {
  if ('size' in write) {
    const cut = new Uint8Array(write.size);
    cut.set(old.subarray(0, write.size));
    return cut;
  }
  const grown = new Uint8Array(Math.max(old.byteLength, write.at + write.bytes.byteLength));
  grown.set(old);
  grown.set(write.bytes, write.at);
  return grown;
}
