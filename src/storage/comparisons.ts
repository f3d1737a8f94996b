/**
 * Comparisons that were drawn, as checked files: the latest of each version of a run's results, and the latest without
 * a run.
 */
import * as v from 'valibot';
import type { ComparedFor, Comparison } from '../contract/comparison.ts';
import { decodeSealed, encodeSealed } from '../formats/sealed.ts';
import type { Backing, Files } from './backing.ts';
import { runKey } from './keys.ts';
import { COMPARISON_LOCK, runLock } from './locks.ts';
import { checkId } from './paths.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const choice = v.looseObject({ name: v.string(), options: v.record(v.string(), v.any()) });
const schema = v.object({
  columns: v.array(
    v.object({
      adapter: v.nullable(v.string()),
      drawnBy: v.exactOptional(choice),
      strength: v.exactOptional(v.number()),
      evaluations: v.number(),
      secondsPerImage: v.number(),
    }),
  ),
  rows: v.array(
    v.object({
      prompt: v.string(),
      seed: v.number(),
      images: v.array(
        v.object({
          width: count,
          height: count,
          rgba: v.instance(Uint8Array<ArrayBuffer>),
          score: v.number(),
          metrics: v.record(v.string(), v.looseObject({ value: v.number() })),
        }),
      ),
    }),
  ),
  steps: v.number(),
  guidance: v.number(),
});

/** Has a folder for comparisons without a run. */
export const COMPARISONS_FOLDER = 'comparisons';

/**
 * Keeps a comparison in place of the one before.
 * @returns false where another tab works with its run, or the run is gone
 */
export async function keepComparison(
  { files, records, locks }: Backing,
  of: ComparedFor,
  comparison: Comparison,
): Promise<boolean> {
  const save = async (): Promise<boolean> => {
    if (of !== null && (await records.readValue(runKey(of.runId))) === undefined) return false;
    await saveComparison(files, of, comparison);
    return true;
  };
  const held = await locks.whileHeld(of === null ? COMPARISON_LOCK : runLock(of.runId), save);
  return held?.value ?? false;
}

async function saveComparison(files: Files, of: ComparedFor, comparison: Comparison): Promise<void> {
  const rows = comparison.rows.map((row) => ({
    ...row,
    images: row.images.map(({ image: { width, height, rgba }, score, metrics }) => ({
      width,
      height,
      rgba: new Uint8Array(rgba.buffer, rgba.byteOffset, rgba.byteLength),
      score,
      metrics,
    })),
  }));
  await files.writeBytes(pathOf(of), encodeSealed({ ...comparison, rows }));
}

/** Null where there is none, or a damaged one: it can be drawn again. */
export async function loadComparison(files: Files, of: ComparedFor): Promise<Comparison | null> {
  const bytes = await files.readBytes(pathOf(of));
  const read = v.safeParse(schema, bytes === null ? undefined : decodeSealed(bytes));
  if (!read.success) return null;
  const { columns, rows, steps, guidance } = read.output;
  const whole = rows.every(
    ({ images }) =>
      images.length === columns.length &&
      images.every(({ width, height, rgba }) => rgba.byteLength === 4 * width * height),
  );
  if (!whole) return null;
  const shown = rows.map(({ prompt, seed, images }) => ({
    prompt,
    seed,
    images: images.map(({ width, height, rgba, score, metrics }) => ({
      image: { width, height, rgba: new Uint8ClampedArray(rgba.buffer, rgba.byteOffset, rgba.byteLength) },
      score,
      metrics,
    })),
  }));
  return { columns, rows: shown, steps, guidance } as Comparison; // metrics are the run's own, written above
}

function pathOf(of: ComparedFor): string {
  if (of === null) return `${COMPARISONS_FOLDER}/without-a-run/latest.bin`;
  const { runId, round, version } = of;
  return `runs/${checkId(runId)}/comparisons/${round}-${version}.bin`;
}
