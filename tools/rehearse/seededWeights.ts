/**
 * Numbers that anyone can make again without a random generator's state: weights and inputs of the rehearsal.
 *
 * For a name s and the flat index i in the checkpoint's order ([out, in, kh, kw] for a convolution):
 *   x = (i * 2654435761 + FNV-1a(s)) mod 2^32, then the 32-bit finalizer `x ^= x >>> 16; x *= 0x7feb352d;
 *   x ^= x >>> 15; x *= 0x846ca68b; x ^= x >>> 16` (Ellis, "lowbias32"), u = (x / 2^32 - 0.5) sqrt(12).
 * u is uniform with mean 0 and variance 1. reference.py states the same a second time.
 */
import { floatToHalf } from '../../src/lib/half.ts';

const SQRT_12 = Math.sqrt(12);

/** FNV-1a, 32 bits, of the UTF-8 bytes. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The number u for index `i` below 2^32 of the name with that hash. */
function unit(hash: number, i: number): number {
  let x = (Math.imul(i, 2654435761) + hash) | 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return ((x >>> 0) / 2 ** 32 - 0.5) * SQRT_12;
}

/** Inputs: u itself, as float32. */
export function seededInput(name: string, count: number): Float32Array<ArrayBuffer> {
  const hash = hashName(name);
  return Float32Array.from({ length: count }, (_, i) => unit(hash, i));
}

/**
 * Values `from` up to `from + count` of a parameter, as bits of halves: 0.7 u / sqrt(fan in) for matrices and
 * convolutions, 1 + 0.1 u for scales (one-dimensional `.weight`), 0.02 u for shifts (one-dimensional `.bias`).
 * @throws RangeError for a one-dimensional tensor of another name
 */
export function seededHalves(
  name: string,
  shape: readonly number[],
  { from, count }: { readonly from: number; readonly count: number },
): Uint16Array<ArrayBuffer> {
  const hash = hashName(name);
  const toValue = rule(name, shape);
  const halves = new Uint16Array(count);
  for (let i = 0; i < count; i++) halves[i] = roundToHalf(toValue(unit(hash, from + i)));
  return halves;
}

function rule(name: string, shape: readonly number[]): (u: number) => number {
  if (shape.length >= 2) {
    const scale = Math.sqrt(shape.slice(1).reduce((product, size) => product * size, 1));
    return (u) => (0.7 * u) / scale;
  }
  if (name.endsWith('.weight')) return (u) => 1 + 0.1 * u;
  if (name.endsWith('.bias')) return (u) => 0.02 * u;
  throw new RangeError(`there is no rule for ${name}`);
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/**
 * The half nearest to a double. `floatToHalf` rounds to float32 on its way, which decides one in 16,000 cases wrongly:
 * those that float32 puts exactly between two halves. They are moved one float32 back to the side they came from.
 */
function roundToHalf(value: number): number {
  float[0] = value;
  const rounded = float[0] as number;
  if (((floatBits[0] as number) & 0x1fff) === 0x1000 && rounded !== value) {
    floatBits[0] = (floatBits[0] as number) + (Math.abs(value) > Math.abs(rounded) ? 1 : -1);
  }
  return floatToHalf(float[0] as number);
}
