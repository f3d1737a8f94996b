// OWL-ViT in transformers' names: directions of the texts, what the heads look at, and what they say of every patch.

import * as v from 'valibot';
import { openMetricCheckpoint } from '../../../src/metrics/checkpoint.ts';
import { textFeatures, unitRows } from '../../../src/metrics/clip/run.ts';
import { openOwl } from '../../../src/metrics/owl/load.ts';
import { classLogits, patchBoxes, patchFeatures } from '../../../src/metrics/owl/run.ts';
import { checkpointReader } from '../../../src/models/checkpointReader.ts';
import { tf } from '../../../src/tensor/tf.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';
import { shapeOf, take, takeCopy } from '../tensors.ts';

const schema = v.looseObject({ config: v.string(), weights: v.string(), io: v.string() });

export async function runOwlVit(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const checkpoint = openMetricCheckpoint(await io.safetensors(asked.weights), {
    json: await io.json(asked.config),
    file: asked.config,
  });
  if (checkpoint.kind !== 'owl') throw new Error(`${asked.weights} is no OWL-ViT.`);
  const reader = checkpointReader(checkpoint.file, checkpoint.specs, asked.weights);
  const owl = await openOwl(reader, checkpoint.config, { format: io.weights });
  const releases = [await owl.parts.text.hold(), await owl.parts.picture.hold()];
  try {
    const file = await io.safetensors(asked.io);
    const check = async (quantity: string, values: Float32Array): Promise<void> =>
      report.close('-', quantity, values, await file.readF32(quantity), tolerance);
    const [texts, length] = shapeOf(file, 'input_ids') as [number, number];
    const flat = await file.readF32('input_ids');
    const ids = Array.from({ length: texts }, (_, n) => [...flat.subarray(n * length, (n + 1) * length)]);
    const rows = await unitRows(textFeatures(owl.text, ids));
    await check('text_embeds', Float32Array.from(rows.flatMap((row) => [...row])));
    const [count, , height, width] = shapeOf(file, 'pixel_values') as [number, number, number, number];
    const pixels = { values: await file.readF32('pixel_values'), count, height, width };
    const features = patchFeatures(owl.picture, pixels);
    await check('features', await takeCopy(features));
    const queries = tf.tensor2d(await file.readF32('text_embeds'), [texts, rows[0]?.length ?? 0]);
    await check('logits', await take(classLogits(owl.picture, features, queries)));
    await check('pred_boxes', await take(patchBoxes(owl.picture, features)));
    tf.dispose([features, queries]);
  } finally {
    for (const release of releases) release();
    owl.dispose();
  }
}
