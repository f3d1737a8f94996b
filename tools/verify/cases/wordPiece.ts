// BERT's tokenizer, and BLIP's way from a chunk of a prompt to the ids of a question.

import * as v from 'valibot';
import { cleanQuestion, questionIds, questionOf } from '../../../src/metrics/blip/questions.ts';
import { padQuestions } from '../../../src/metrics/blip/run.ts';
import { makeWordPiece } from '../../../src/metrics/blip/wordPiece.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';

const ids = v.array(v.number());
const schema = v.looseObject({ vocab: v.string(), file: v.string() });
const fileSchema = v.looseObject({
  cases: v.array(v.looseObject({ id: v.number(), text: v.string(), tokens: v.array(v.string()), ids })),
  questions: v.array(
    v.looseObject({
      id: v.number(),
      chunk: v.string(),
      question: v.string(),
      preprocessed: v.string(),
      blip_ids: ids,
    }),
  ),
  batch: v.looseObject({
    questions: v.array(v.string()),
    input_ids: v.array(ids),
    attention_mask: v.array(ids),
  }),
});

export async function runWordPiece(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tokenizer = makeWordPiece(await io.text(asked.vocab));
  const { cases, questions, batch } = v.parse(fileSchema, await io.json(asked.file));
  for (const { id, text, ...expected } of cases) {
    const tokens = tokenizer.tokenize(text);
    report.equal(`text ${id}`, 'tokens', tokens, expected.tokens);
    const whole = ['[CLS]', ...tokens, '[SEP]'].map((token) => tokenizer.idOf(token));
    report.equal(`text ${id}`, 'ids', whole, expected.ids);
  }
  for (const { id, chunk, question, ...expected } of questions) {
    report.equal(`question ${id}`, 'question', questionOf(chunk), question);
    report.equal(`question ${id}`, 'cleaned', cleanQuestion(question), expected.preprocessed);
    report.equal(`question ${id}`, 'ids', questionIds(tokenizer, question), expected.blip_ids);
  }
  const padded = padQuestions(
    batch.questions.map((question) => questionIds(tokenizer, question)),
    tokenizer.idOf('[PAD]'),
  );
  report.equal('batch', 'ids', padded.ids, batch.input_ids);
  report.equal(
    'batch',
    'mask',
    padded.ids.map((row, n) => row.map((_, i) => (i < (padded.lengths[n] as number) ? 1 : 0))),
    batch.attention_mask,
  );
}
