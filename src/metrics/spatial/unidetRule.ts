/**
 * The spatial score of T2I-CompBench on boxes (UniDet_eval/2D_spatial_eval.py, git 1b70949): are the two objects of the
 * prompt there, and does the second lie where the prompt puts it?
 */

/** Corners in pixels of the picture as the detector saw it; y grows downwards. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

export type Detection = { readonly label: string; readonly score: number; readonly box: Box };

/** A word with its part of speech in the names of Universal Dependencies. */
export type TaggedWord = readonly [text: string, tag: string];

type SpatialScore = {
  /** The phrase that decides; null where the prompt has none of the list. */
  readonly locality: string | null;
  /** Null where the prompt does not name exactly two. */
  readonly objects: readonly [string, string] | null;
  /** Null where one of the objects is missing. */
  readonly position: number | null;
  readonly score: number;
};

/** In this order: the first that is anywhere in the prompt decides, not the first in the prompt. */
const LOCALITIES = [
  'on side of',
  'next to',
  'near',
  'on the left of',
  'on the right of',
  'on the bottom of',
  'on the top of',
  'on top of',
] as const;

/** Those that the complex mode looks for; two forms of the list above are not among them. */
const PREPOSITIONS = [
  ['on', 'top', 'of'],
  ['on', 'bottom', 'of'],
  ['on', 'the', 'left', 'of'],
  ['on', 'the', 'right', 'of'],
  ['next', 'to'],
  ['on', 'side', 'of'],
  ['near'],
] as const;

const PEOPLE: ReadonlySet<string> = new Set(['girl', 'boy', 'man', 'woman']);
const IOU_LIMIT = 0.1;
const NEAR_PIXELS = 150;
/** Detections below this confidence do not count, and scores below it become 0. */
export const CONFIDENCE = 0.5;

/** @param words the prompt's words; all of its nouns are considered in the simple mode, those around a preposition else */
export function scoreSpatial(
  prompt: string,
  words: readonly TaggedWord[],
  detections: readonly Detection[],
  { complex }: { readonly complex: boolean },
): SpatialScore {
  const locality = LOCALITIES.find((phrase) => prompt.includes(phrase)) ?? null;
  const objects = complex ? objectsAround(words) : outerNouns(words);
  if (objects === null) return { locality, objects, position: null, score: 0 };
  const [first, second] = objects.map((name) => detections.find(({ label }) => label === labelOf(name))) as [
    Detection | undefined,
    Detection | undefined,
  ];
  const confidence = (first?.score ?? 0) + (second?.score ?? 0);
  const position =
    first === undefined || second === undefined ? null : positionScore(locality, first.box, second.box);
  const score = confidence / 4 + (position ?? 0) / 2;
  return { locality, objects, position, score: score < CONFIDENCE ? 0 : score };
}

/** The name of an object among the detector's labels. */
export function labelOf(object: string): string {
  return PEOPLE.has(object) ? 'person' : object;
}

/** First and last noun. */
function outerNouns(words: readonly TaggedWord[]): readonly [string, string] | null {
  const nouns = words.filter(([, tag]) => tag === 'NOUN');
  const [first, last] = [nouns[0], nouns.at(-1)];
  return first === undefined || last === undefined ? null : [first[0], last[0]];
}

/** The nouns next to every preposition; null unless they are exactly two. */
function objectsAround(words: readonly TaggedWord[]): readonly [string, string] | null {
  const found: string[] = [];
  for (const phrase of PREPOSITIONS) {
    for (let at = 0; at + phrase.length <= words.length; at++) {
      if (!phrase.every((word, i) => words[at + i]?.[0] === word)) continue;
      const before = words.slice(0, at).findLast(([, tag]) => tag === 'NOUN' || tag === 'PROPN');
      const rest = words.slice(at + phrase.length);
      const after = rest.find(([, tag]) => tag === 'NOUN') ?? rest.find(([, tag]) => tag === 'PROPN');
      for (const word of [before, after]) if (word !== undefined) found.push(word[0]);
    }
  }
  return found.length === 2 ? (found as [string, string]) : null;
}

function positionScore(locality: string | null, first: Box, second: Box): number {
  const [dx, dy] = [centerOf(second, 0) - centerOf(first, 0), centerOf(second, 1) - centerOf(first, 1)];
  switch (locality) {
    case 'on side of':
    case 'next to':
    case 'near': {
      if (Math.abs(dx) < NEAR_PIXELS || Math.abs(dy) < NEAR_PIXELS) return 1;
      return NEAR_PIXELS / Math.max(Math.abs(dx), Math.abs(dy));
    }
    case 'on the left of':
      return directed(dx, dy, first, second);
    case 'on the right of':
      return directed(-dx, dy, first, second);
    case 'on the top of':
      return directed(dy, dx, first, second);
    case 'on the bottom of':
      return directed(-dy, dx, first, second);
    default:
      // Also "on top of", for which there is no rule.
      return 0;
  }
}

/** 1 in the right direction and more along it than across, less where the boxes overlap. */
function directed(along: number, across: number, first: Box, second: Box): number {
  if (!(along > 0 && Math.abs(along) > Math.abs(across))) return 0;
  const overlap = iou(first, second);
  return overlap < IOU_LIMIT ? 1 : IOU_LIMIT / overlap;
}

function centerOf(box: Box, axis: 0 | 1): number {
  return ((box[axis] as number) + (box[axis + 2] as number)) / 2;
}

/** Intersection over union. */
export function iou(a: Box, b: Box): number {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const both = width * height;
  const area = (box: Box): number => (box[2] - box[0]) * (box[3] - box[1]);
  return both / (area(a) + area(b) - both);
}
