import { tagText } from './tagger.ts';

/**
 * A prompt as T2I-CompBench's CLIPScore of complex prompts reads it: words and marks joined by single spaces, adjectives
 * left out. Upstream's tags are spaCy's.
 */
export async function withoutAdjectives(prompt: string): Promise<string> {
  const terms = await tagText(prompt);
  return terms
    .flatMap(({ text, tag, after }) => {
      const marks = after.match(/[^\s]/gu) ?? [];
      return tag === 'ADJ' ? marks : [text, ...marks];
    })
    .join(' ');
}
