// What was measured so far: a line an image, so that an interrupted run goes on and an unchanged image is not measured again.

import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import * as v from 'valibot';

const finite = v.pipe(v.number(), v.finite());
const lineSchema = v.object({
  key: v.string(),
  file_name: v.string(),
  prompt: v.string(),
  /** Null where the metric has nothing to say. */
  value: v.nullable(finite),
  parts: v.optional(v.record(v.string(), finite)),
  asked: v.optional(v.array(v.object({ question: v.string(), probability: finite }))),
});
export type Line = v.InferOutput<typeof lineSchema>;

/** The same for the same content: image, prompt, metric, weights, and the phrases that were asked instead. */
export function cacheKey(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  return hash.digest('hex').slice(0, 32);
}

/** Lines by key. What an interruption left of a last line is cut off. */
export function readLines(path: string): Map<string, Line> {
  const lines = new Map<string, Line>();
  if (!existsSync(path)) return lines;
  const bytes = readFileSync(path);
  const whole = bytes.lastIndexOf(0x0a) + 1;
  if (whole < bytes.length) truncateSync(path, whole);
  for (const text of bytes.subarray(0, whole).toString('utf8').split('\n')) {
    if (text === '') continue;
    const line = parseLine(text);
    // A line that was damaged is measured again.
    if (line !== null) lines.set(line.key, line);
  }
  return lines;
}

export function appendLine(path: string, line: Line): void {
  appendFileSync(path, `${JSON.stringify(line)}\n`);
}

function parseLine(text: string): Line | null {
  try {
    const parsed = v.safeParse(lineSchema, JSON.parse(text));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}
