/** One layer of an adapter file, in any of its forms: low rank, with a kernel in the middle, or a whole difference. */
import type { AdapterPart } from '../../formats/adapterKeys.ts';
import type { SafetensorsFile } from '../../formats/safetensors.ts';
import type { LowRankUpdate, Magnitude, PlainLayer } from '../plain.ts';
import { invalidAdapter } from './problems.ts';

/** The key of each part of a module. */
export type LayerKeys = ReadonlyMap<AdapterPart, string>;

type LayerRequest = {
  readonly module: string;
  /** Of the frozen weight: [out, in] or [out, in, kh, kw]. */
  readonly shape: readonly number[];
  readonly keys: LayerKeys;
  /** alpha for a rank. */
  readonly alphaOf: (rank: number) => Promise<number>;
  /** Magnitudes per output are to be divided by the frozen weight's norm. */
  readonly overFrozen: boolean;
};

/** What the tensors of one layer say: a difference or its factors, and a magnitude where there is one. */
export async function readUpdate(file: SafetensorsFile, request: LayerRequest): Promise<PlainLayer> {
  const { module, shape, keys } = request;
  const whole = keys.get('difference');
  const magnitude = await readMagnitude(file, request);
  if (whole === undefined) return { module, shape, update: await readLowRank(file, request), magnitude };
  const factor = ['down', 'up', 'mid'] as const;
  if (factor.some((part) => keys.has(part)))
    throw invalidAdapter(file.name, `${module} has both a difference and low-rank matrices`);
  const values = await readTensor(file, whole, [shape]);
  return { module, shape, update: { kind: 'difference', values }, magnitude };
}

async function readLowRank(
  file: SafetensorsFile,
  { module, shape, keys, alphaOf }: LayerRequest,
): Promise<LowRankUpdate> {
  const [outputs = 0, inputs = 0, ...kernel] = shape;
  const [downKey, upKey, midKey] = [keys.get('down'), keys.get('up'), keys.get('mid')];
  if (downKey === undefined || upKey === undefined)
    throw invalidAdapter(file.name, `${module} lacks its down or up matrix`);
  const rank = file.entries.get(upKey)?.shape[1] ?? 0;
  if (rank === 0) throw invalidAdapter(file.name, `${upKey} has no rank`);
  const up = await readTensor(file, upKey, [[outputs, rank]]);
  const scaling = (await alphaOf(rank)) / rank;
  if (!up.every((x) => Number.isFinite(Math.fround(x * scaling))))
    throw invalidAdapter(file.name, `the values of ${module} are too large for its alpha`);
  if (midKey === undefined) {
    const down = await readTensor(file, downKey, [[rank, inputs, ...kernel]]);
    return { kind: 'lowRank', rank, down, up, scaling };
  }
  const inner = file.entries.get(downKey)?.shape[0] ?? 0;
  if (inner === 0) throw invalidAdapter(file.name, `${downKey} has no rank`);
  const down = await readTensor(file, downKey, [[inner, inputs]]);
  const mid = await readTensor(file, midKey, [[rank, inner, ...kernel]]);
  return { kind: 'lowRank', rank, down: throughKernel(mid, down, { rank, inner, inputs }), up, scaling };
}

/** sum over q of mid [p, q, taps] down [q, i]: the same convolution with one matrix less, [p, i, taps]. */
function throughKernel(
  mid: Float32Array,
  down: Float32Array,
  { rank, inner, inputs }: { rank: number; inner: number; inputs: number },
): Float32Array {
  const taps = mid.length / (rank * inner);
  const product = new Float32Array(rank * inputs * taps);
  for (let p = 0; p < rank; p++) {
    for (let i = 0; i < inputs; i++) {
      for (let tap = 0; tap < taps; tap++) {
        let sum = 0;
        for (let q = 0; q < inner; q++) {
          sum += (mid[(p * inner + q) * taps + tap] as number) * (down[q * inputs + i] as number);
        }
        product[(p * inputs + i) * taps + tap] = sum;
      }
    }
  }
  return product;
}

/** Which convention it follows is told by its shape: [out] or [out, 1] per output, [1, in] per input. */
async function readMagnitude(
  file: SafetensorsFile,
  { shape, keys, overFrozen }: LayerRequest,
): Promise<Magnitude | null> {
  const key = keys.get('magnitude');
  if (key === undefined) return null;
  const [outputs = 0, inputs = 0, ...kernel] = shape;
  const ones = kernel.map(() => 1);
  // peft's own tensor is per output whatever its shape; its kernels have [1, out, 1, 1].
  const isPeft = !key.endsWith('.dora_scale');
  const stored = file.entries.get(key)?.shape ?? [];
  if (isPeft || fits(stored, [outputs, 1]) || stored.length === 1) {
    const allowed = [[outputs], [outputs, 1], ...(isPeft ? [[1, outputs, ...ones]] : [])];
    return {
      axis: 'output',
      over: overFrozen && !isPeft ? 'frozen' : 'updated',
      values: await readTensor(file, key, allowed),
    };
  }
  return {
    axis: 'input',
    over: 'updated',
    values: await readTensor(file, key, [
      [1, inputs],
      [outputs, 1],
    ]),
  };
}

/** Values of a tensor whose shape is one of those allowed, but for ones at its end. */
async function readTensor(
  file: SafetensorsFile,
  key: string,
  allowed: readonly (readonly number[])[],
): Promise<Float32Array> {
  const stored = file.entries.get(key)?.shape ?? [];
  if (!allowed.some((shape) => fits(stored, shape))) {
    const wanted = allowed.map((shape) => `[${shape}]`).join(' or ');
    throw invalidAdapter(file.name, `${key} is [${stored}] instead of ${wanted}`);
  }
  const values = await file.readF32(key);
  if (!values.every(Number.isFinite))
    throw invalidAdapter(file.name, `${key} contains values that are not numbers`);
  return values;
}

/** 1x1 convolutions are stored with two more dimensions of 1, or without them. */
function fits(stored: readonly number[], shape: readonly number[]): boolean {
  const longest = Math.max(stored.length, shape.length);
  return Array.from({ length: longest }, (_, i) => i).every((i) => (stored[i] ?? 1) === (shape[i] ?? 1));
}
