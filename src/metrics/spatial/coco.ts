/**
 * Detections of any program in the JSON of COCO: the list of results (`image_id`, `category_id` or a name, `bbox` as
 * [x, y, width, height], `score`), alone or as `annotations` beside `images` and `categories`.
 */
import * as v from 'valibot';
import { StudioError } from '../../lib/errors.ts';
import { type Box, CONFIDENCE, type Detection } from './unidetRule.ts';

const MAX_BOXES = 5_000_000;
const number = v.pipe(v.number(), v.finite());
const id = v.union([v.string(), v.number()]);
const resultSchema = v.looseObject({
  image_id: v.optional(id),
  file_name: v.optional(v.string()),
  category_id: v.optional(id),
  category_name: v.optional(v.string()),
  category: v.optional(v.string()),
  label: v.optional(v.string()),
  bbox: v.pipe(v.array(number), v.length(4)),
  score: v.pipe(number, v.minValue(0), v.maxValue(1)),
});
const resultsSchema = v.pipe(v.array(resultSchema), v.maxLength(MAX_BOXES));
const wholeSchema = v.looseObject({
  images: v.optional(v.array(v.looseObject({ id, file_name: v.string() })), []),
  categories: v.optional(v.array(v.looseObject({ id, name: v.string() })), []),
  annotations: resultsSchema,
});

/** Detections in pixels of the original picture, by file name (or by id, where the file has no names). */
type Detections = ReadonlyMap<string, readonly Detection[]>;

/** @throws StudioError `detections-malformed` naming the field */
export function parseDetections(json: unknown, source: string): Detections {
  const whole = v.safeParse(wholeSchema, Array.isArray(json) ? { annotations: json } : json);
  if (!whole.success) {
    const [issue] = whole.issues;
    throw malformed(source, `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  const { images, categories, annotations } = whole.output;
  const fileOf = new Map(images.map((image) => [String(image.id), image.file_name]));
  const nameOf = new Map(categories.map((category) => [String(category.id), category.name]));
  const found = new Map<string, Detection[]>();
  for (const [i, row] of annotations.entries()) {
    const image = row.file_name ?? fileOf.get(String(row.image_id)) ?? row.image_id;
    const label =
      row.category_name ?? row.category ?? row.label ?? nameOf.get(String(row.category_id)) ?? null;
    if (image === undefined) throw malformed(source, `detection ${i} names no image`);
    if (label === null) throw malformed(source, `detection ${i} has no name of a category`);
    const [x, y, width, height] = row.bbox as [number, number, number, number];
    const list = found.get(String(image)) ?? [];
    list.push({ label, score: row.score, box: [x, y, x + width, y + height] });
    found.set(String(image), list);
  }
  return found;
}

/** UniDet looks at a picture whose shorter side is 479 pixels, and whose longer one at most 480. */
const SHORTER = 479;
const LONGER = 480;

/** Detections as the rule expects them: those above a confidence, in pixels of the resized picture. */
export function forRule(
  detections: readonly Detection[],
  { height, width }: { readonly height: number; readonly width: number },
  confidence: number = CONFIDENCE,
): Detection[] {
  const shorter = Math.min(height, width);
  const longer = Math.max(height, width);
  const scale = Math.min(SHORTER / shorter, LONGER / longer);
  return detections
    .filter(({ score }) => score > confidence)
    .map(({ box, ...rest }) => ({ ...rest, box: box.map((x) => x * scale) as unknown as Box }));
}

function malformed(source: string, problem: string): StudioError {
  return new StudioError('detections-malformed', `${source} cannot be read as detections: ${problem}.`, {
    where: source,
    remedy:
      'Give the JSON of COCO results: image_id, category_id or category_name, bbox [x, y, width, height], score.',
  });
}
