// From the chunks of a prompt and the probabilities of its questions to a picture's and a category's score.

import * as v from 'valibot';
import { blipScore } from '../../../src/metrics/blip/aggregate.ts';
import { askedPhrases, questionOf } from '../../../src/metrics/blip/questions.ts';
import { categoryMean } from '../../../src/metrics/t2i/results.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';

const fileSchema = v.looseObject({
  category_score: v.number(),
  per_image: v.array(
    v.looseObject({
      id: v.number(),
      chunks: v.array(v.string()),
      questions: v.array(v.string()),
      probabilities_for_the_8_questions: v.array(v.number()),
      answer: v.string(),
    }),
  ),
});

export async function runBlipAggregate(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { file } = v.parse(v.looseObject({ file: v.string() }), entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const { per_image, category_score } = v.parse(fileSchema, await io.json(file));
  const scores: number[] = [];
  for (const { id, chunks, questions, probabilities_for_the_8_questions: p, answer } of per_image) {
    const phrases = askedPhrases(chunks);
    const asked = [...phrases.map(questionOf), ...new Array<string>(8 - phrases.length).fill('')];
    report.equal(`image ${id}`, 'questions', asked, questions);
    const { score, text } = blipScore(p.slice(0, phrases.length));
    report.equal(`image ${id}`, 'answer', text, answer);
    scores.push(score);
  }
  report.closeNumber('category', 'score', categoryMean(scores), category_score, tolerance);
}
