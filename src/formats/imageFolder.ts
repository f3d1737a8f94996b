/**
 * `metadata.jsonl` of a folder of captioned images, one object per line with `file_name` and `text`:
 * https://huggingface.co/docs/datasets/image_dataset#imagefolder
 */

import * as v from 'valibot';
import { StudioError } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';

export type CaptionedImage = {
  /** Relative to the folder, with `/` between folders. */
  readonly fileName: string;
  readonly text: string;
};

/** Further columns of a written row, such as seed and score. */
type ImageFolderRow = CaptionedImage & {
  readonly extra?: Readonly<Record<string, string | number | boolean>>;
};

const MAX_IMAGES = 100_000;

const rowSchema = v.object({
  file_name: v.pipe(v.string(), v.check(isInsideFolder, 'file_name must stay inside the folder')),
  text: v.string(),
});

/**
 * @param text the decoded file
 * @throws StudioError `image-folder-malformed` naming the line, also for names that are listed twice
 */
export function parseImageFolder(source: string, text: string): CaptionedImage[] {
  const images = new Map<string, CaptionedImage>();
  for (const [i, content] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (content.trim() === '') continue;
    const { file_name: fileName, text: caption } = parseRow(source, i + 1, content);
    if (images.has(fileName)) throw malformed(source, i + 1, `${fileName} is listed twice.`);
    if (images.size === MAX_IMAGES)
      throw malformed(source, i + 1, `There are more than ${MAX_IMAGES} images.`);
    images.set(fileName, { fileName, text: caption.trim() });
  }
  if (images.size === 0) throw malformed(source, 1, 'The file lists no images.');
  return [...images.values()];
}

/** The text of a `metadata.jsonl`; numbers that are not finite are written as null, as JSON has no others. */
export function writeImageFolder(rows: Iterable<ImageFolderRow>): string {
  let lines = '';
  for (const { fileName, text, extra } of rows) {
    lines += `${JSON.stringify({ file_name: fileName, text, ...extra })}\n`;
  }
  return lines;
}

function parseRow(source: string, line: number, content: string): v.InferOutput<typeof rowSchema> {
  const json = parseJson(content, (cause) => malformed(source, line, 'The line is not valid JSON.', cause));
  const row = v.safeParse(rowSchema, json);
  if (row.success) return row.output;
  const [issue] = row.issues;
  throw malformed(source, line, `${v.getDotPath(issue) ?? 'The line'}: ${issue.message}.`);
}

/** Neither absolute nor leading out of the folder, on any system. */
function isInsideFolder(fileName: string): boolean {
  const parts = fileName.split('/');
  return !/[\\:\0]/.test(fileName) && parts.every((part) => part !== '' && part !== '.' && part !== '..');
}

function malformed(source: string, line: number, problem: string, cause?: unknown): StudioError {
  return new StudioError('image-folder-malformed', `${source}, line ${line}: ${problem}`, {
    remedy: 'Each line must be an object such as {"file_name": "0001.png", "text": "a red cube"}.',
    where: `${source}, line ${line}`,
    cause,
  });
}
