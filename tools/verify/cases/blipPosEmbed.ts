// BLIP's table of positions, resized to another grid and back.

import * as v from 'valibot';
import { resizePositions } from '../../../src/metrics/blip/positions.ts';
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
