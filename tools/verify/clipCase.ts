// What the cases of CLIPScore and HPS share: a model with its inputs, and the comparison of scores.

import * as v from 'valibot';
import { openMetricCheckpoint } from '../../src/metrics/checkpoint.ts';
import { type Clip, openClip } from '../../src/metrics/clip/load.ts';
import { makeMetricTokenizer } from '../../src/metrics/clip/textRows.ts';
import type { Pixels } from '../../src/metrics/vision/run.ts';
import { checkpointReader } from '../../src/models/checkpointReader.ts';
import type { OracleFiles } from './oracle.ts';
import { type Report, tolerancesOf } from './report.ts';
import { shapeOf } from './tensors.ts';

const schema = v.looseObject({
  config: v.string(),
  weights: v.string(),
  io: v.string(),
  tokenizer_case: v.string(),
  texts: v.array(v.string()),
  input_ids: v.array(v.array(v.number())),
  score: v.array(v.number()),
});
const tokenizerSchema = v.looseObject({ vocab: v.string(), merges: v.string() });

type ClipCase = {
  readonly clip: Clip;
  readonly ids: readonly (readonly number[])[];
  readonly pixels: Pixels;
  /** Compares with the tensor of this name, if the file has it. */
  check(quantity: string, values: Float32Array): Promise<void>;
  /** Compares the matrix of cosines [image][text] and its diagonal. */
  score(cosines: readonly (readonly number[])[]): Promise<void>;
  dispose(): void;
};

export async function openCase(entry: unknown, io: OracleFiles, report: Report): Promise<ClipCase> {
  const asked = v.parse(schema, entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const checkpoint = openMetricCheckpoint(await io.safetensors(asked.weights), {
    json: await io.json(asked.config),
    file: asked.config,
  });
  if (checkpoint.kind !== 'clip') throw new Error(`${asked.weights} is no CLIP.`);
  await checkTokens(asked, checkpoint.config.text.maxTokens, io, report);
  const file = await io.safetensors(asked.io);
  const reader = checkpointReader(checkpoint.file, checkpoint.specs, asked.weights);
  const clip = await openClip(reader, checkpoint.config, { format: io.weights });
  const releases = [await clip.parts.text.hold(), await clip.parts.picture.hold()];
  const [count, tokens] = shapeOf(file, 'input_ids') as [number, number];
  const flat = await file.readF32('input_ids');
  const [, , height, width] = shapeOf(file, 'pixel_values') as [number, number, number, number];
  const check: ClipCase['check'] = async (quantity, values) => {
    if (!file.entries.has(quantity)) return;
    report.close('-', quantity, values, await file.readF32(quantity), tolerance);
  };
  return {
    clip,
    ids: Array.from({ length: count }, (_, n) => [...flat.subarray(n * tokens, (n + 1) * tokens)]),
    pixels: { values: await file.readF32('pixel_values'), count, height, width },
    check,
    score: async (cosines) => {
      await check('cosine', Float32Array.from(cosines.flat()));
      const diagonal = cosines.map((row, n) => row[n] as number);
      report.close('-', 'score', diagonal, asked.score, tolerance);
    },
    dispose: () => {
      for (const release of releases) release();
      clip.dispose();
    },
  };
}

/** The texts of the case through our tokenizer. */
async function checkTokens(
  asked: v.InferOutput<typeof schema>,
  maxTokens: number,
  io: OracleFiles,
  report: Report,
): Promise<void> {
  const files = v.parse(tokenizerSchema, io.caseNamed(asked.tokenizer_case));
  const tokenizer = makeMetricTokenizer(
    { vocab: await io.text(files.vocab), merges: await io.text(files.merges) },
    maxTokens,
  );
  const ids = asked.texts.map((text) => {
    const { ids: all, used } = tokenizer.encode(text);
    return all.slice(0, used + 2);
  });
  report.equal('-', 'input_ids', ids, asked.input_ids);
}
