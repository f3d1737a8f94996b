/**
 * Memory that threads share. tfjs' single-threaded module declares a memory of its own that is not shared; on an isolated
 * page the declaration is changed before it is compiled, so that our threads (threads.ts) can work on its tensors. Nothing else
 * of the module changes: shared memory is read and written by the same instructions.
 */
import { tf } from '../tf.ts';

/** Ids of the sections that declare memories, the kind of an import that is one, flags of one with a largest size. */
const IMPORT_SECTION = 2;
const MEMORY_SECTION = 5;
const MEMORY = 2;
const LIMITED = 1;
const SHARED = 3;

/**
 * Whether this page may share memory between threads, which takes the headers of an isolated page, and room for all of the
 * addresses that a module may ever use.
 */
export function mayShareMemory(): boolean {
  if (globalThis.crossOriginIsolated !== true) return false;
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: 65_536, shared: true }).buffer.byteLength > 0;
  } catch {
    return false;
  }
}

/**
 * Runs `open`, in which tfjs fetches and compiles its module, so that the module's memory is shared where that may be.
 * @returns what `open` gives
 * @throws what goes wrong with the module's file, of which tfjs says nothing
 */
export async function withSharedMemory<T>(open: () => Promise<T>): Promise<T> {
  if (!mayShareMemory()) return open();
  const { platform } = tf.env();
  const { fetch } = platform;
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  platform.fetch = async (path, init) => {
    try {
      const response = await fetch.call(platform, path, init);
      if (!response.ok) throw new Error(`${path}: status ${response.status}`);
      return new Response(shareMemory(new Uint8Array(await response.arrayBuffer())));
    } catch (error) {
      fail(error);
      throw error;
    }
  };
  try {
    return await Promise.race([open(), failed]);
  } finally {
    platform.fetch = fetch;
  }
}

/**
 * The binary with its memory, its own or the one import that it has, declared as shared.
 * @throws Error when it declares none with a largest size
 */
export function shareMemory(binary: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const shared = binary.slice();
  // Behind the magic number and the version: sections of an id, a length and that many bytes.
  let at = 8;
  while (at < binary.length) {
    const { value: length, end: content } = readUnsigned(binary, at + 1);
    const flags = flagsOfMemory(binary, binary[at] as number, content);
    if (flags !== null && binary[flags] === LIMITED) {
      shared[flags] = SHARED;
      return shared;
    }
    at = content + length;
  }
  throw new Error('The module declares no memory that could be shared.');
}

/** Where the flags of a section's first memory are; null in other sections. */
function flagsOfMemory(binary: Uint8Array, section: number, content: number): number | null {
  // Both begin with their number of entries.
  if (section === MEMORY_SECTION) return content + 1;
  if (section !== IMPORT_SECTION) return null;
  // Two names, each behind its length, then the kind.
  const name = content + 1 + 1 + (binary[content + 1] as number);
  const kind = name + 1 + (binary[name] as number);
  return binary[kind] === MEMORY ? kind + 1 : null;
}

/** A LEB128 number and where it ends. */
function readUnsigned(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  let end = at;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[end++] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) return { value, end };
  }
}
