/**
 * Pools drawn elsewhere, as files: `pool.json` says which images, `pool.safetensors` holds them. The list of what is
 * wanted has the same form, so whoever draws gives it back beside the tensors.
 *
 * `pool.json`: {"version": 1, "model": digest, "scheduler": "ddpm", "steps": 30,
 * "blocks": [{"id": step, "text": prompt, "guidance": 2.5, "seeds": [...]}]}
 * `pool.safetensors`, float32, images of all blocks in their order: `latents` [N, h, w, c], final and in scaled space, and
 * `traces` [N, steps], ||epsCond - epsUncond||^2 at each timestep of the path.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { openSafetensors, type SafetensorsFile } from '../../src/formats/safetensors.ts';
import { bytesSource } from '../../src/lib/bytes.ts';
import { StudioError } from '../../src/lib/errors.ts';

const LIST_FILE = 'pool.json';
const TENSOR_FILE = 'pool.safetensors';

const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const listSchema = v.object({
  version: v.literal(1),
  model: v.string(),
  scheduler: v.literal('ddpm'),
  steps: v.pipe(natural, v.minValue(1)),
  blocks: v.pipe(
    v.array(
      v.object({
        id: v.string(),
        text: v.string(),
        guidance: v.number(),
        seeds: v.pipe(v.array(natural), v.minLength(1)),
      }),
    ),
    v.minLength(1),
  ),
});

export type PoolList = v.InferOutput<typeof listSchema>;
export type PoolBlock = PoolList['blocks'][number];

export type ForeignImage = {
  readonly seed: number;
  readonly latent: Float32Array;
  readonly trace: Float32Array;
};
export type ForeignPool = {
  readonly list: PoolList;
  readonly images: readonly (readonly ForeignImage[])[];
};

/** Writes what is wanted, for whoever draws it. */
export function writePoolList(folder: string, list: PoolList): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, LIST_FILE), `${JSON.stringify(list, null, 1)}\n`);
}

/**
 * Reads and checks both files; whether the study wants these images is for the caller.
 * @throws StudioError `pool-invalid` naming the file and what is wrong, or `safetensors-invalid`
 */
export async function readForeignPool(folder: string): Promise<ForeignPool> {
  const list = parseList(readBytes(folder, LIST_FILE));
  const file = await openSafetensors(bytesSource(readBytes(folder, TENSOR_FILE), TENSOR_FILE));
  const count = list.blocks.reduce((sum, { seeds }) => sum + seeds.length, 0);
  const latents = await rowsOf(file, 'latents', [count, null, null, null]);
  const traces = await rowsOf(file, 'traces', [count, list.steps]);
  let next = 0;
  const images = list.blocks.map(({ seeds }) =>
    seeds.map((seed): ForeignImage => {
      const [latent, trace] = [latents[next], traces[next]];
      next++;
      return { seed, latent: latent as Float32Array, trace: trace as Float32Array };
    }),
  );
  return { list, images };
}

function parseList(bytes: Uint8Array): PoolList {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(LIST_FILE, 'it is not JSON', cause);
  }
  const parsed = v.safeParse(listSchema, json);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw invalid(LIST_FILE, `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
}

/** The first axis of a float32 tensor as rows; null stands for any size. */
async function rowsOf(
  file: SafetensorsFile,
  name: string,
  shape: readonly (number | null)[],
): Promise<readonly Float32Array[]> {
  const entry = file.entries.get(name);
  if (entry === undefined) throw invalid(TENSOR_FILE, `it has no tensor ${name}`);
  const fits =
    entry.dtype === 'F32' &&
    entry.shape.length === shape.length &&
    entry.shape.every((size, axis) => shape[axis] === null || shape[axis] === size);
  if (!fits) {
    const wanted = shape.map((size) => size ?? 'any').join(', ');
    throw invalid(TENSOR_FILE, `${name} is ${entry.dtype} [${entry.shape.join(', ')}], not F32 [${wanted}]`);
  }
  const values = await file.readF32(name);
  if (!values.every(Number.isFinite)) throw invalid(TENSOR_FILE, `${name} holds values that are not numbers`);
  const rows = shape[0] as number;
  const size = values.length / rows;
  return Array.from({ length: rows }, (_, row) => values.slice(row * size, (row + 1) * size));
}

function readBytes(folder: string, name: string): Uint8Array {
  try {
    return readFileSync(join(folder, name));
  } catch (cause) {
    throw invalid(name, `it cannot be read from ${folder}`, cause);
  }
}

function invalid(file: string, why: string, cause?: unknown): StudioError {
  return new StudioError('pool-invalid', `${file} is no pool: ${why}.`, {
    remedy: 'Write the list by --pool-list, and draw what it asks for with tools/shapes-model/draw_pools.py.',
    where: file,
    cause,
  });
}
