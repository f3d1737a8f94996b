/**
 * Noun phrases of a prompt, from which T2I-CompBench makes its questions. Upstream takes spaCy's noun chunks: a noun with
 * what stands before it (articles, numbers, adjectives, other nouns), or a pronoun.
 */
import { type TaggedTerm, tagText } from './tagger.ts';

/** Phrases in their order, as they are written. */
export async function nounPhrases(prompt: string): Promise<string[]> {
  return pairOfPhrases(prompt) ?? chunk(prompt, await tagText(prompt));
}

const NOT_IN_PHRASE =
  /\b(and|or|of|on|in|at|to|with|by|for|from|near|next|is|are|was|were|has|have|that|which|an?|the)\b/i;

/** "a red cup and a green bowl": two phrases, whatever a tagger thinks of the words. Null for other prompts. */
export function pairOfPhrases(prompt: string): string[] | null {
  const match = /^\s*((?:an?|the) ([^,.;:!?]+?)) and ((?:an?|the) ([^,.;:!?]+?))\s*\.?\s*$/i.exec(prompt);
  if (match === null) return null;
  const [, first, inFirst, second, inSecond] = match as unknown as [string, string, string, string, string];
  return [inFirst, inSecond].some((words) => NOT_IN_PHRASE.test(words)) ? null : [first, second];
}

/** A determiner begins a phrase, its last noun ends it. */
function chunk(text: string, terms: readonly TaggedTerm[]): string[] {
  const phrases: string[] = [];
  let open: TaggedTerm[] = [];
  const close = (): void => {
    const last = open.findLastIndex(({ tag }) => tag === 'NOUN');
    if (last >= 0) phrases.push(text.slice(open[0]?.start, open[last]?.end));
    open = [];
  };
  for (const term of terms) {
    const inside = term.tag === 'ADJ' || term.tag === 'NUM' || term.tag === 'NOUN';
    if (term.tag === 'DET') close();
    // After a noun that owns nothing, an adjective or a number begins something new.
    const previous = open.at(-1);
    if (inside && term.tag !== 'NOUN' && previous?.tag === 'NOUN' && !previous.isPossessive) close();
    if (inside || term.tag === 'DET') open.push(term);
    else {
      close();
      if (term.tag === 'PRON') phrases.push(term.text);
    }
    // "the bold, dramatic strokes" is one phrase; any other mark ends it.
    const marks = term.after.trim();
    if (marks !== '' && !(marks === ',' && term.tag === 'ADJ')) close();
  }
  close();
  return phrases;
}
