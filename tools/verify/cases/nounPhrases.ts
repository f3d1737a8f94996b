// Noun phrases of templates, and the questions made from them.

import * as v from 'valibot';
import { askedPhrases, cleanQuestion, questionOf } from '../../../src/metrics/blip/questions.ts';
import { nounPhrases } from '../../../src/metrics/language/nounPhrases.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';

const texts = v.array(v.string());
const fileSchema = v.looseObject({
  cases: v.array(
    v.looseObject({
      id: v.number(),
      prompt: v.string(),
      chunks: texts,
      questions: texts,
      preprocessed: texts,
    }),
  ),
});

export async function runNounPhrases(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { file } = v.parse(v.looseObject({ file: v.string() }), entry);
  for (const { id, prompt, chunks, questions, preprocessed } of v.parse(fileSchema, await io.json(file))
    .cases) {
    const found = await nounPhrases(prompt);
    const asked = askedPhrases(found).map(questionOf);
    report.equal(`prompt ${id}`, 'chunks', found, chunks);
    report.equal(`prompt ${id}`, 'questions', asked, questions);
    report.equal(`prompt ${id}`, 'cleaned', asked.map(cleanQuestion), preprocessed);
  }
}
