/** Run files: the JSON form of a `MiTuneSpec`, alone or as the `spec` or `config` of a report. */

import * as v from 'valibot';
import { strictSpecSchema } from '../../contract/runSchema.ts';
import type { MiTuneSpec } from '../../contract/spec.ts';
import { StudioError } from '../../lib/errors.ts';
import { parseJson } from '../../lib/json.ts';
import { drawingMethod } from '../../methods/registry.ts';

const MAX_CHARACTERS = 20_000_000;

/**
 * @throws StudioError `run-file-too-large`, `run-file-not-json`, `run-file-invalid` or, of its method,
 * `method-unknown`, `method-option-invalid` or `method-draws-nothing`, naming the first bad value
 */
export function parseRunFile(fileName: string, text: string): MiTuneSpec {
  if (text.length > MAX_CHARACTERS) {
    throw new StudioError('run-file-too-large', `${fileName} is too large to be a run file.`, {
      remedy: 'Choose the .json file that was saved as a run file, or a report.json.',
      where: fileName,
    });
  }
  const json = parseJson(
    text,
    (cause) =>
      new StudioError('run-file-not-json', `${fileName} is not valid JSON.`, {
        remedy: 'Save the run file again, or check it with a JSON editor.',
        where: fileName,
        cause,
      }),
  );
  const result = v.safeParse(strictSpecSchema, specOf(json));
  if (result.success) {
    drawingMethod(result.output);
    return result.output;
  }
  const [issue] = result.issues;
  throw new StudioError('run-file-invalid', `${fileName} does not describe a run: ${issue.message}.`, {
    remedy: 'Correct that value, or start from a run file saved by this page.',
    where: v.getDotPath(issue) ?? fileName,
  });
}

/** The version of this program that wrote a run file; null where it says none. */
export function writtenBy(text: string): string | null {
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), v.object({ app: v.string() })), text);
  return read.success ? read.output.app : null;
}

/** SHA-256 of the files of the model that a run file was made with, by path; none where it says none. */
export function hashesIn(text: string): Readonly<Record<string, string>> {
  const hashes = v.record(v.string(), v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)));
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), v.object({ hashes })), text);
  return read.success ? read.output.hashes : {};
}

/** A file that both have, with other bytes; null without one. */
export function otherFile(
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): string | null {
  return Object.keys(one).find((path) => Object.hasOwn(other, path) && one[path] !== other[path]) ?? null;
}

function specOf(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || ('version' in json && 'prompts' in json)) return json;
  if ('spec' in json) return json.spec;
  return 'config' in json ? json.config : json;
}
