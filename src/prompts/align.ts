/** Where words of a prompt lie among its tokens. */
import type { ClipTokenizer } from '../models/text/tokenizer.ts';

/** Tokens of a phrase in the prompt: half-open, without the start token. */
export type Span = readonly [from: number, to: number];

/**
 * Where each part lies in the sequence, as a run of equal tokens; null where it does not. A part that is given again
 * means its next occurrence.
 */
export function findSpans(
  tokens: readonly unknown[],
  parts: readonly (readonly unknown[])[],
): readonly (Span | null)[] {
  const searchedTo = new Map<string, number>();
  return parts.map((part) => {
    const key = JSON.stringify(part);
    const from = part.length === 0 ? -1 : indexOfRun(tokens, part, searchedTo.get(key) ?? 0);
    if (from < 0) return null;
    searchedTo.set(key, from + 1);
    return [from, from + part.length];
  });
}

/**
 * The phrases that stand in the prompt, with their tokens. Those that the model does not read to their end are left out.
 * CLIP splits words one by one, so a phrase has the same tokens alone as inside of the prompt.
 */
export function phraseSpans(
  tokenizer: ClipTokenizer,
  text: string,
  phrases: readonly string[],
): readonly { readonly phrase: string; readonly span: Span }[] {
  const spans = findSpans(
    wordTokens(tokenizer, text),
    phrases.map((phrase) => wordTokens(tokenizer, phrase)),
  );
  return phrases.flatMap((phrase, i) => {
    const span = spans[i];
    return span === null || span === undefined ? [] : [{ phrase, span }];
  });
}

/** Position of the last token of each object, the start token being 0: attention to a split word gathers there. */
export function lastTokens(
  tokenizer: ClipTokenizer,
  text: string,
  objects: readonly string[],
): readonly number[] {
  return phraseSpans(tokenizer, text, objects).map(({ span }) => span[1]);
}

function wordTokens(tokenizer: ClipTokenizer, text: string): readonly number[] {
  const { ids, used } = tokenizer.encode(text);
  return ids.slice(1, used + 1);
}

function indexOfRun(tokens: readonly unknown[], run: readonly unknown[], from: number): number {
  for (let start = from; start + run.length <= tokens.length; start++) {
    if (run.every((token, i) => token === tokens[start + i])) return start;
  }
  return -1;
}
