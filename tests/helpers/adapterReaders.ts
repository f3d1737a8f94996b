// What other programs make of an adapter file, weight by weight: their arithmetic, written from their sources and
// independent of the exporters. All work on rows [out] and columns [in * kh * kw].

import type { SafetensorsFile } from '../../src/formats/safetensors.ts';

/** A frozen weight: its module with component, shape in a checkpoint and values. */
export type Frozen = { readonly module: string; readonly shape: readonly number[]; readonly w: Float32Array };

type Rows = number[][];

function rowsOf(values: ArrayLike<number>, rows: number): Rows {
  const columns = values.length / rows;
  return Array.from({ length: rows }, (_, r) =>
    Array.from({ length: columns }, (_, c) => values[r * columns + c] as number),
  );
}

/** B A. */
function product(up: Rows, down: Rows): Rows {
  return up.map((row) =>
    (down[0] as number[]).map((_, c) =>
      row.reduce((sum, x, k) => sum + x * ((down[k] as number[])[c] as number), 0),
    ),
  );
}

const combine = (a: Rows, b: Rows, f: (x: number, y: number) => number): Rows =>
  a.map((row, r) => row.map((x, c) => f(x, (b[r] as number[])[c] as number)));
const length = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));

/** One length for every input, repeated for its taps. */
function inputLengths(rows: Rows, inputs: number): number[] {
  const columns = (rows[0] as number[]).length;
  const taps = columns / inputs;
  const lengths = Array.from({ length: inputs }, (_, i) =>
    length(rows.flatMap((row) => row.slice(i * taps, (i + 1) * taps))),
  );
  return Array.from({ length: columns }, (_, c) => lengths[Math.floor(c / taps)] as number);
}

/** peft 0.17 (tuners/lora/dora.py) with alpha = rank, as diffusers' loader takes it. */
export async function readAsDiffusers(
  file: SafetensorsFile,
  { module, shape, w }: Frozen,
): Promise<number[]> {
  const out = shape[0] as number;
  const [down, up] = module.startsWith('unet.')
    ? ['lora.down.weight', 'lora.up.weight']
    : ['lora_linear_layer.down.weight', 'lora_linear_layer.up.weight'];
  const rank = file.entries.get(`${module}.${down}`)?.shape[0] as number;
  const a = rowsOf(await file.readF32(`${module}.${down}`), rank);
  const b = rowsOf(await file.readF32(`${module}.${up}`), out);
  const updated = combine(rowsOf(w, out), product(b, a), (x, y) => x + y);
  const key = `${module}.lora_magnitude_vector`;
  if (!file.entries.has(key)) return updated.flat();
  const m = await file.readF32(key);
  return updated.flatMap((row, r) => row.map((x) => (x * (m[r] as number)) / length(row)));
}

type Parts = {
  readonly difference: Rows;
  readonly scale: { readonly shape: readonly number[]; readonly values: Float32Array } | null;
};

/** kohya's tensors of a module; null where the file has none. */
async function kohyaParts(file: SafetensorsFile, { module, shape }: Frozen): Promise<Parts | null> {
  const prefix = module
    .replace(/^unet\./, 'lora_unet_')
    .replace(/^text_encoder\./, 'lora_te_')
    .replaceAll('.', '_');
  const has = (part: string): boolean => file.entries.has(`${prefix}.${part}`);
  const read = (part: string): Promise<Float32Array> => file.readF32(`${prefix}.${part}`);
  const out = shape[0] as number;
  if (has('diff')) return { difference: rowsOf(await read('diff'), out), scale: null };
  if (!has('lora_up.weight')) return null;
  const rank = file.entries.get(`${prefix}.lora_down.weight`)?.shape[0] as number;
  const factor = has('alpha') ? ((await read('alpha'))[0] as number) / rank : 1;
  const full = product(
    rowsOf(await read('lora_up.weight'), out),
    rowsOf(await read('lora_down.weight'), rank),
  );
  const scale = has('dora_scale')
    ? { shape: file.entries.get(`${prefix}.dora_scale`)?.shape ?? [], values: await read('dora_scale') }
    : null;
  return { difference: full.map((row) => row.map((x) => x * factor)), scale };
}

/** ComfyUI, comfy/weight_adapter/base.py (weight_decompose) and lora.py. */
export async function readAsComfy(file: SafetensorsFile, frozen: Frozen, strength = 1): Promise<number[]> {
  const { shape, w } = frozen;
  const base = rowsOf(w, shape[0] as number);
  const parts = await kohyaParts(file, frozen);
  if (parts === null) return base.flat();
  const updated = combine(base, parts.difference, (x, y) => x + y);
  const { scale } = parts;
  if (scale === null) return combine(base, updated, (x, y) => x + strength * (y - x)).flat();
  const eps = 2 ** -23;
  const onOutputs = scale.shape[0] === shape[0];
  const columns = inputLengths(updated, shape[1] as number);
  const taps = columns.length / (shape[1] as number);
  const decomposed = updated.map((row, r) =>
    row.map((x, c) =>
      onOutputs
        ? (x * (scale.values[r] as number)) / (length(base[r] as number[]) + eps)
        : (x * (scale.values[Math.floor(c / taps)] as number)) / ((columns[c] as number) + eps),
    ),
  );
  return combine(base, decomposed, (x, y) => x + strength * (y - x)).flat();
}

/** A1111 and sd-scripts, modules of extensions-builtin/Lora: a dora_scale is always taken for inputs. */
export async function readAsKohya(file: SafetensorsFile, frozen: Frozen, strength = 1): Promise<number[]> {
  const { shape, w } = frozen;
  const base = rowsOf(w, shape[0] as number);
  const parts = await kohyaParts(file, frozen);
  if (parts === null) return base.flat();
  const updated = combine(base, parts.difference, (x, y) => x + y);
  const columns = inputLengths(updated, shape[1] as number);
  const scale = parts.scale?.values;
  // PyTorch broadcasts [out, 1] along rows whatever it was meant for.
  const byRow = parts.scale?.shape[0] === shape[0];
  const merged =
    scale === undefined
      ? updated
      : updated.map((row, r) =>
          row.map((x, c) => (x * (scale[byRow ? r : c] as number)) / (columns[c] as number)),
        );
  return combine(base, merged, (x, y) => x + strength * (y - x)).flat();
}
