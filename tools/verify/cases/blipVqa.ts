// BLIP-VQA from pictures and padded questions to the share of "yes", with the states on the way.

import * as v from 'valibot';
import { openBlip } from '../../../src/metrics/blip/load.ts';
import { questionIds } from '../../../src/metrics/blip/questions.ts';
import {
  encodeBlipImage,
  encodeQuestions,
  logitsOf,
  startAnswers,
  yesShare,
} from '../../../src/metrics/blip/run.ts';
import { makeWordPiece } from '../../../src/metrics/blip/wordPiece.ts';
import { openMetricCheckpoint } from '../../../src/metrics/checkpoint.ts';
import { checkpointReader } from '../../../src/models/checkpointReader.ts';
import type { Tensor3D } from '../../../src/tensor/tf.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';
import { shapeOf, takeCopy } from '../tensors.ts';

const schema = v.looseObject({
  config: v.string(),
  weights: v.string(),
  io: v.string(),
  tokenizer_case: v.string(),
  ids: v.looseObject({ enc: v.number(), dec: v.number(), yes: v.number(), no: v.number() }),
  questions: v.array(v.string()),
  input_ids: v.array(v.array(v.number())),
  attention_mask: v.array(v.array(v.number())),
  score: v.array(v.number()),
  score_text_4_decimals: v.array(v.string()),
  score_each_alone_unpadded: v.array(v.number()),
});

type Asked = v.InferOutput<typeof schema>;
type Tensors = Map<string, Float32Array[]>;

export async function runBlipVqa(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  await checkTokens(asked, io, report);
  const checkpoint = openMetricCheckpoint(await io.safetensors(asked.weights), {
    json: await io.json(asked.config),
    file: asked.config,
  });
  if (checkpoint.kind !== 'blip') throw new Error(`${asked.weights} is no BLIP.`);
  const { config } = checkpoint;
  const file = await io.safetensors(asked.io);
  const reader = checkpointReader(checkpoint.file, checkpoint.specs, asked.weights);
  const blip = await openBlip(reader, config, { format: io.weights });
  const release = await blip.part.hold();
  const { weights: w } = blip;
  try {
    const [, , height, width] = shapeOf(file, 'pixel_values') as [number, number, number, number];
    const values = await file.readF32('pixel_values');
    const size = 3 * height * width;
    const seen: Tensors = new Map();
    const note = (name: string, row: Float32Array): void => {
      seen.set(name, [...(seen.get(name) ?? []), row]);
    };
    const scores: number[] = [];
    const alone: number[] = [];
    for (const [n, ids] of asked.input_ids.entries()) {
      const length = (asked.attention_mask[n] as number[]).filter((m) => m === 1).length;
      const pixels = { values: values.subarray(n * size, (n + 1) * size), count: 1, height, width };
      const waiting: Promise<void>[] = [];
      const spyAs =
        (prefix: string) =>
        (name: string, state: Tensor3D): void => {
          waiting.push(takeCopy(state).then((row) => note(`${prefix}.${name}`, row)));
        };
      const image = encodeBlipImage(w, pixels, spyAs('vision'));
      spyAs('vision')('last_hidden_state', image);
      const questions = encodeQuestions(w, image, { ids: [ids], lengths: [length] }, spyAs('question'));
      spyAs('question')('last_hidden_state', questions);
      const [state] = (await startAnswers(
        w,
        questions,
        { lengths: [length] },
        asked.ids.dec,
        spyAs('decoder'),
      )) as [Float32Array];
      await Promise.all(waiting);
      const all = Array.from({ length: config.text.vocabulary }, (_, id) => id);
      const logits = await logitsOf(w.answer, state, all);
      note('decoder.logits', Float32Array.from(logits));
      const total = logits.reduce((sum, x) => sum + Math.exp(x), 0);
      const [yes, no] = [logits[asked.ids.yes] as number, logits[asked.ids.no] as number];
      note('prob_yes', Float32Array.of(Math.exp(yes) / total));
      note('prob_no', Float32Array.of(Math.exp(no) / total));
      scores.push(yesShare(yes, no));
      const bare = encodeQuestions(w, image, { ids: [ids.slice(0, length)], lengths: [length] });
      const [bareState] = (await startAnswers(w, bare, { lengths: [length] }, asked.ids.dec)) as [
        Float32Array,
      ];
      const pair = await logitsOf(w.answer, bareState, [asked.ids.yes, asked.ids.no]);
      alone.push(yesShare(pair[0] as number, pair[1] as number));
      for (const tensor of [image, questions, bare]) tensor.dispose();
    }
    for (const name of file.entries.keys()) {
      const rows = seen.get(name);
      const isInput = /^(pixel_values|input_ids|attention_mask|score)$/.test(name);
      if (rows === undefined) {
        if (!isInput) report.fail('-', name, 'nothing of this name was computed');
        continue;
      }
      const actual = Float32Array.from(rows.flatMap((row) => [...row]));
      report.close('-', name, actual, await file.readF32(name), tolerance);
    }
    report.close('-', 'score', scores, asked.score, tolerance);
    report.close('alone', 'score', alone, asked.score_each_alone_unpadded, tolerance);
  } finally {
    release();
    blip.dispose();
  }
}

/** The questions through our tokenizer. */
async function checkTokens(asked: Asked, io: OracleFiles, report: Report): Promise<void> {
  const { vocab } = v.parse(v.looseObject({ vocab: v.string() }), io.caseNamed(asked.tokenizer_case));
  const tokenizer = makeWordPiece(await io.text(vocab));
  for (const [n, question] of asked.questions.entries()) {
    const ids = questionIds(tokenizer, question);
    const expected = (asked.input_ids[n] as number[]).filter((_, i) => asked.attention_mask[n]?.[i] === 1);
    report.equal(`question ${n}`, 'ids', ids, expected);
  }
  const special = { enc: '[ENC]', dec: '[DEC]', yes: 'yes', no: 'no' } as const;
  for (const [name, token] of Object.entries(special)) {
    report.equal('-', token, tokenizer.idOf(token), asked.ids[name as keyof typeof special]);
  }
}
