/**
 * Counter-based random numbers: every number is a pure function of (seed, stream, counter), so any draw can be made
 * again, by any tab, without state.
 *
 * Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.
 * `torchCudaRandn` uses the counter layout of cuRAND as PyTorch drives it. The other functions set the last counter
 * word to 1, where PyTorch has 0, so that no seed ever gives the same bits to noise and to choices.
 */
import { StudioError } from './errors.ts';

type Words4 = readonly [number, number, number, number];
type Words2 = readonly [number, number];

const MULTIPLIER_A = 0xd2511f53;
const MULTIPLIER_B = 0xcd9e8d57;
const WEYL_A = 0x9e3779b9; // the golden ratio
const WEYL_B = 0xbb67ae85; // sqrt(3) - 1
const ROUNDS = 10;

/** Four unsigned 32-bit words, a bijection of `counter` chosen by `key`. */
export function philox4x32(counter: Words4, key: Words2): Words4 {
  let [a, b, c, d] = counter;
  let [keyA, keyB] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const highA = multiplyHigh(MULTIPLIER_A, a);
    const lowA = Math.imul(MULTIPLIER_A, a);
    const highB = multiplyHigh(MULTIPLIER_B, c);
    const lowB = Math.imul(MULTIPLIER_B, c);
    a = (highB ^ b ^ keyA) >>> 0;
    b = lowB >>> 0;
    c = (highA ^ d ^ keyB) >>> 0;
    d = lowA >>> 0;
    keyA = (keyA + WEYL_A) >>> 0;
    keyB = (keyB + WEYL_B) >>> 0;
  }
  return [a, b, c, d];
}

/** The upper 32 bits of the 64-bit product; each partial sum of 16-bit halves stays below 2^32. */
function multiplyHigh(x: number, y: number): number {
  const xLow = x & 0xffff;
  const xHigh = x >>> 16;
  const yLow = y & 0xffff;
  const yHigh = y >>> 16;
  const middle = xHigh * yLow + ((xLow * yLow) >>> 16);
  const carry = xLow * yHigh + (middle & 0xffff);
  return xHigh * yHigh + (middle >>> 16) + (carry >>> 16);
}

/**
 * The `drawIndex`-th successive `torch.randn(count, device='cuda')` of `torch.Generator('cuda').manual_seed(seed)`.
 *
 * Layout: key = seed, counter = (drawIndex, 0, element, 0), first output of Box-Muller. It holds as long as the GPU
 * covers the tensor in one pass: 16,384 elements (a 64 x 64 latent) do on 16 multiprocessors or more.
 * Computed in float64 and rounded once, which is the same everywhere; a GPU rounds each step to float32 and uses a
 * fast sine, so its numbers differ from these in the last bits.
 */
export function torchCudaRandn(seed: number, drawIndex: number, count: number): Float32Array {
  const key = words(seed);
  const [drawLow, drawHigh] = words(drawIndex);
  const normals = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const [x, y] = philox4x32([drawLow, drawHigh, i, 0], key);
    normals[i] = boxMuller(x, y);
  }
  return normals;
}

/** Uniform in [0, 1), a multiple of 2^-53. */
export function uniform(seed: number, stream: number, counter: number): number {
  const [x, y] = choiceWords(seed, stream, counter);
  return ((x >>> 5) * 2 ** 26 + (y >>> 6)) * 2 ** -53;
}

/** Uniform in 0, 1, ..., n - 1; the bias is below n * 2^-53. */
export function uniformInt(seed: number, stream: number, counter: number, n: number): number {
  return Math.floor(uniform(seed, stream, counter) * n);
}

/** Standard normals of the counters `counter`, `counter + 1`, ...: a longer request begins with the shorter one. */
export function normals(seed: number, stream: number, counter: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const [x, y] = choiceWords(seed, stream, counter + i);
    return boxMuller(x, y);
  });
}

/** A uniformly random order of 0, 1, ..., n - 1 (Fisher-Yates). */
export function shuffle(seed: number, stream: number, n: number): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = uniformInt(seed, stream, i, i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

function choiceWords(seed: number, stream: number, counter: number): Words4 {
  const [low, high] = words(counter);
  return philox4x32([low, high, stream >>> 0, 1], words(seed));
}

/** The sine half of Box-Muller, from two words read as the centers of 2^32 equal intervals, so never log(0). */
function boxMuller(x: number, y: number): number {
  const u = (x + 0.5) * 2 ** -32;
  const angle = (y + 0.5) * 2 ** -32 * 2 * Math.PI;
  return Math.sqrt(-2 * Math.log(u)) * Math.sin(angle);
}

/** Low and high word of a whole number from 0 to 2^53 - 1. */
function words(value: number): Words2 {
  if (Number.isSafeInteger(value) && value >= 0) return [value >>> 0, Math.floor(value / 2 ** 32)];
  throw new StudioError('seed-invalid', `${value} cannot be used as a seed or counter.`, {
    remedy: `Use a whole number from 0 to ${Number.MAX_SAFE_INTEGER}.`,
  });
}
