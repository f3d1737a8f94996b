// BLIP's table of positions, resized to another grid and back.

import * as v from 'valibot';
import { resizePlanes } from '../../../src/metrics/images/torchResize.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';

const schema = v.looseObject({
  io: v.string(),
  runs: v.array(v.looseObject({ id: v.string(), from_grid: v.number(), to_grid: v.number() })),
});

export async function runBlipPosEmbed(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const file = await io.safetensors(asked.io);
  for (const { id, from_grid: from, to_grid: to } of asked.runs) {
    const out = resizePositions(await file.readF32(`${id}.in`), from, to);
    report.close(id, 'out', out, await file.readF32(`${id}.out`), tolerance);
    report.close(id, 'back', resizePositions(out, to, from), await file.readF32(`${id}.back`), tolerance);
  }
}

/**
 * BLIP's table of positions at another resolution (vit.py `interpolate_pos_embed`). The program does not do this: it
 * takes checkpoints at the resolution that they were trained for, since going back does not restore the table.
 *
 * The first row, of the class token, stays; the others are a square grid that is resized by torch's bicubic rule without
 * antialiasing.
 * @param table [1 + from * from, width]
 * @returns [1 + to * to, width]
 */
function resizePositions(table: Float32Array, from: number, to: number): Float32Array {
  const width = table.length / (1 + from * from);
  const planes = new Float32Array(width * from * from);
  for (let i = 0; i < from * from; i++) {
    for (let c = 0; c < width; c++) planes[c * from * from + i] = table[(1 + i) * width + c] as number;
  }
  const square = { values: planes, channels: width, height: from, width: from };
  const resized = resizePlanes(square, to, to, { antialias: false }).values;
  const out = new Float32Array(width * (1 + to * to));
  out.set(table.subarray(0, width));
  for (let i = 0; i < to * to; i++) {
    for (let c = 0; c < width; c++) out[(1 + i) * width + c] = resized[c * to * to + i] as number;
  }
  return out;
}
