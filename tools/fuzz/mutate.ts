/** Changes inputs as damage, carelessness and malice do: a few edits on bytes, or on the values of JSON. */
import type { Rng } from './rng.ts';

const MAX_EDITS = 6;
const MAX_BYTES = 1 << 16;
/** Sizes and offsets at which arithmetic goes wrong. */
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** @param tokens what inputs of this kind are made of, to be put in anywhere */
export function mutateBytes(
  rng: Rng,
  input: Uint8Array,
  other: Uint8Array,
  tokens: readonly Uint8Array[],
): Uint8Array {
  let bytes: Uint8Array = input.slice(0, MAX_BYTES);
  for (let edits = 1 + rng.below(MAX_EDITS); edits > 0; edits--) bytes = edit(rng, bytes, other, tokens);
  return bytes;
}

function edit(rng: Rng, bytes: Uint8Array, other: Uint8Array, tokens: readonly Uint8Array[]): Uint8Array {
  const at = rng.below(bytes.length + 1);
  const length = Math.min(1 + rng.below(rng.below(4) === 0 ? 64 : 8), bytes.length - at);
  switch (rng.below(9)) {
    case 0:
      return write(bytes, at, [(bytes[at] ?? 0) ^ (1 << rng.below(8))]);
    case 1:
      return write(bytes, at, [rng.below(256)]);
    case 2:
      return write(bytes, at, littleEndian(rng.pick(NUMBERS), rng.pick([1, 2, 4, 8])));
    case 3:
      return write(bytes, at, littleEndian(rng.pick(NUMBERS), rng.pick([2, 4])).reverse());
    case 4:
      return splice(bytes, at, length, new Uint8Array(0));
    case 5:
      return splice(bytes, at, 0, bytes.subarray(at, at + length));
    case 6:
      return tokens.length === 0 ? bytes : splice(bytes, at, rng.below(2) * length, rng.pick(tokens));
    case 7: {
      const from = rng.below(other.length + 1);
      return splice(bytes, at, rng.below(2) * length, other.subarray(from, from + 1 + rng.below(64)));
    }
    default:
      return rng.below(4) === 0 ? bytes.slice(0, at) : splice(bytes, at, 0, new Uint8Array(length));
  }
}

function littleEndian(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => (i < 4 ? (value >>> (8 * i)) & 0xff : 0));
}

function write(bytes: Uint8Array, at: number, values: readonly number[]): Uint8Array {
  bytes.set(values.slice(0, Math.max(0, bytes.length - at)), at);
  return bytes;
}

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const result = new Uint8Array(Math.min(MAX_BYTES, bytes.length - removed + added.length));
  result.set(bytes.subarray(0, at));
  const room = Math.max(0, result.length - at);
  result.set(added.subarray(0, room), at);
  const rest = at + Math.min(room, added.length);
  result.set(bytes.subarray(at + removed, at + removed + result.length - rest), rest);
  return result;
}

const STRANGE: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  -0,
  1e308,
  2 ** 53,
  1 << 24,
  '',
  '__proto__',
  'constructor',
  '\ud800',
  [],
  {},
  [[]],
  { length: 1e9 },
  'a'.repeat(3000),
];
const STRANGE_KEYS = ['__proto__', 'constructor', 'toString', '', 'length', '\udfff'];

/** JSON with some of its values, keys or whole branches replaced, removed or doubled. */
export function mutateJson(rng: Rng, text: string): string {
  let value: unknown = JSON.parse(text);
  for (let edits = 1 + rng.below(3); edits > 0; edits--) value = editJson(rng, value, 0);
  return JSON.stringify(value) ?? 'null';
}

function editJson(rng: Rng, value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || (depth > 0 && rng.below(5) === 0))
    return strange(rng, value);
  if (Array.isArray(value)) {
    if (value.length === 0) return [strange(rng, 0)];
    const at = rng.below(value.length);
    const changed = rng.below(6) === 0 ? [] : [editJson(rng, value[at], depth + 1)];
    return [...value.slice(0, at), ...changed, ...value.slice(at + rng.below(2))];
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || rng.below(8) === 0) entries.push([rng.pick(STRANGE_KEYS), strange(rng, 0)]);
  const [at, kind] = [rng.below(entries.length), rng.below(6)];
  const [key, old] = entries[at] as [string, unknown];
  if (kind === 0) entries.splice(at, 1);
  else entries[at] = kind === 1 ? [rng.pick(STRANGE_KEYS), old] : [key, editJson(rng, old, depth + 1)];
  // Not `fromEntries` into a plain object: `__proto__` has to stay a key.
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

function strange(rng: Rng, value: unknown): unknown {
  if (typeof value === 'number' && rng.below(2) === 0) return value * rng.pick([-1, 0, 2, 1e6, 1e-6, 1.5]);
  return rng.pick(STRANGE);
}
