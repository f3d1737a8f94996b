// The names of an original BLIP checkpoint in transformers.

import * as v from 'valibot';
import { isBuffer, toHuggingFaceName } from '../../../src/metrics/blip/layouts.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';

const schema = v.looseObject({ file: v.string(), entries: v.number() });
const fileSchema = v.looseObject({
  map: v.record(v.string(), v.string()),
  buffers_dropped: v.array(v.string()),
});

export async function runKeyMap(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { file, entries } = v.parse(schema, entry);
  const { map, buffers_dropped } = v.parse(fileSchema, await io.json(file));
  const names = Object.keys(map);
  report.equal('names', 'count', names.length, entries);
  const wrong = names.filter((name) => toHuggingFaceName(name) !== map[name] || isBuffer(name));
  report.equal('names', 'renamed otherwise', wrong, []);
  report.equal(
    'buffers',
    'kept',
    buffers_dropped.filter((name) => !isBuffer(name)),
    [],
  );
}
