/**
 * 16-bit floats as bit patterns: IEEE 754-2008 binary16 ("half": 1 sign, 5 exponent, 10 fraction bits) and
 * bfloat16 (the upper half of a binary32). JavaScript has no stable type for either yet.
 */

const SIGN = 0x8000;
const INFINITE = 0x7c00;
const NOT_A_NUMBER = 0x7e00;

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** The nearest half, ties to even; too large becomes infinity, every NaN the quiet NaN 0x7e00. */
export function floatToHalf(value: number): number {
  float[0] = value;
  const bits = floatBits[0] ?? 0;
  const sign = (bits >>> 16) & SIGN;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | NOT_A_NUMBER;
  if (magnitude >= 0x47800000) return sign | INFINITE; // 65536 and more
  if (magnitude < 0x38800000) {
    // Below 2^-14 halves are multiples of 2^-24, and adding 2^52 to a double rounds it to an integer, ties to even.
    return sign | (Math.abs(float[0] ?? 0) * 2 ** 24 + 2 ** 52 - 2 ** 52);
  }
  // Rounding at bit 13 may carry into the exponent, which is right: 65520 becomes infinity.
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - (112 << 23)) >>> 13); // 112 = 127 - 15, the difference of the exponent biases
}

/** The exact value of a half. */
export function halfToFloat(bits: number): number {
  const sign = bits & SIGN ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Bits of float16, rounded to nearest even. */
export function floatsToHalves(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) halves[i] = floatToHalf(values[i] ?? 0);
  return halves;
}

let halfTable: Float32Array | undefined;

/** Exact. One table of all 65,536 halves (256 KiB) serves every call: model files hold a billion of them. */
export function halvesToFloats(halves: Uint16Array): Float32Array {
  halfTable ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToFloat(bits));
  const values = new Float32Array(halves.length);
  for (let i = 0; i < values.length; i++) values[i] = halfTable[halves[i] ?? 0] ?? 0;
  return values;
}

/** Exact: a bfloat16 is a float32 whose lower 16 bits are zero. */
export function bfloat16sToFloats(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < words.length; i++) words[i] = (bits[i] ?? 0) << 16;
  return new Float32Array(words.buffer);
}
