/** From a prompt to the two objects that the spatial rule looks for, and whether it could ever find them. */
import { tagText } from '../language/tagger.ts';
import labels from './unidetLabels.json';
import { labelOf, type TaggedWord } from './unidetRule.ts';

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
