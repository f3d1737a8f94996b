// CLIP's byte-pair tokenizer with the cleaning of its own code.

import * as v from 'valibot';
import { makeMetricTokenizer } from '../../../src/metrics/clip/textRows.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';

const schema = v.looseObject({
  vocab: v.string(),
  merges: v.string(),
  file: v.string(),
  context_length: v.number(),
});
const fileSchema = v.looseObject({
  cases: v.array(
    v.looseObject({
      id: v.number(),
      text: v.string(),
      openai_too_long: v.boolean(),
      open_clip_77: v.array(v.number()),
    }),
  ),
});

export async function runClipBpe(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const files = { vocab: await io.text(asked.vocab), merges: await io.text(asked.merges) };
  const tokenizer = makeMetricTokenizer(files, asked.context_length);
  for (const { id, text, ...expected } of v.parse(fileSchema, await io.json(asked.file)).cases) {
    const { ids, used, dropped } = tokenizer.encode(text);
    report.equal(String(id), 'ids', ids.slice(0, used + 2), expected.open_clip_77);
    report.equal(String(id), 'too long', dropped > 0, expected.openai_too_long);
  }
}
