/** From a prompt to the two objects that the spatial rule looks for, and whether it could ever find them. */
import { tagText } from '../language/tagger.ts';
import { complexGroup } from '../t2i/complexPrompts.ts';
import labels from './unidetLabels.json';
import { labelOf, scoreSpatial, type TaggedWord } from './unidetRule.ts';

const LABELS: ReadonlySet<string> = new Set(labels);

/** The prompt's words with their tags. Upstream's are spaCy's; these are the small tagger's. */
export async function taggedWords(prompt: string): Promise<TaggedWord[]> {
  return (await tagText(prompt)).map(({ text, tag }) => [text, tag] as const);
}

/**
 * True where the benchmark scores every picture of the prompt 0: one of the objects is none of UniDet's 722 labels, or the
 * phrase is "on top of", which has no rule.
 */
export function alwaysZero(objects: readonly string[] | null, locality: string | null): boolean {
  if (objects === null || locality === null || locality === 'on top of') return true;
  return objects.some((object) => !LABELS.has(labelOf(object)));
}

/** What the rule asks of a picture of one prompt. */
export type AskedPlaces = {
  readonly words: readonly TaggedWord[];
  /** The rule's mode: the benchmark's complex prompts have their objects around a preposition. */
  readonly complex: boolean;
  readonly objects: readonly [string, string];
  readonly locality: string;
  /** See `alwaysZero`. */
  readonly alwaysZero: boolean;
};

/** Null for a prompt that names no place, or not two objects. */
export async function askedPlaces(prompt: string): Promise<AskedPlaces | null> {
  const words = await taggedWords(prompt);
  const complex = complexGroup(prompt) !== null;
  const { objects, locality } = scoreSpatial(prompt, words, [], { complex });
  if (objects === null || locality === null) return null;
  return { words, complex, objects, locality, alwaysZero: alwaysZero(objects, locality) };
}
