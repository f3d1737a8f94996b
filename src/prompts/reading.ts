/**
 * What a prompt speaks of, by a small grammar over word classes: noun phrases are runs of determiner, numbers, adjectives
 * and nouns; the last noun of one names its object. Deterministic, and an estimate: the user may correct it.
 */
import type { Reading } from '../contract/spec.ts';

/** One word with the classes that the tagger gives it, and what stands between it and the next. */
type Word = { readonly text: string; readonly after: string; readonly tags: ReadonlySet<string> };

/** A run of words that is a noun phrase; `head` is the index of the word that names the object, null where none does. */
type Chunk = { readonly from: number; readonly to: number; readonly head: number | null };

/** Words for places in a picture: they are no objects. */
const PLACES = new Set(
  'top bottom left right side front back middle center centre corner edge background foreground'.split(' '),
);
/** What objects do in a picture; the tagger takes some of these for nouns. */
const POSTURES = new Set('sitting standing lying hanging resting leaning perched holding wearing'.split(' '));
/** A phrase and another one behind such a word are one longer phrase. */
const JOINING = new Set(['of', 'with', 'in']);

/** The grammar's reading of a prompt. The tagger is loaded when it is first needed. */
export async function readPrompt(text: string): Promise<Reading> {
  const { default: nlp } = await import('compromise/two');
  type Term = { text: string; post: string; tags: string[] };
  const sentences = nlp(text).json() as { terms: Term[] }[];
  const readings = sentences.map(({ terms }) =>
    readWords(terms.map((term) => ({ text: term.text, after: term.post, tags: new Set(term.tags) }))),
  );
  const whole = squash(text);
  return {
    objects: readings.flatMap(({ objects }) => objects),
    phrases: readings.flatMap(({ phrases }) => phrases).filter((phrase) => squash(phrase) !== whole),
  };
}

function readWords(words: readonly Word[]): Reading {
  const chunks = findChunks(words);
  const objects = chunks.flatMap(({ head }) => (head === null ? [] : [(words[head] as Word).text]));
  const phrases = chunks.flatMap((chunk, i) => {
    const before = chunks[i - 1];
    const longer =
      before === undefined || !joins(words, before, chunk) ? [] : [{ from: before.from, to: chunk.to }];
    return [...longer, ...(chunk.head === null ? [] : [chunk])];
  });
  const ordered = phrases
    .filter(({ from, to }) => to - from > 1)
    .sort((a, b) => a.from - b.from || b.to - a.to);
  return { objects, phrases: ordered.map(({ from, to }) => textOf(words, from, to)) };
}

function findChunks(words: readonly Word[]): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let from: number | null = null;
  const close = (to: number): void => {
    if (from !== null) {
      const head = headOf(words, from, to);
      // What follows the noun belongs to something else (a girl next to a cow).
      chunks.push({ from, to: head === null ? to : head + 1, head });
    }
    from = null;
  };
  words.forEach((word, i) => {
    const before = words[i - 1];
    if (opens(word)) close(i);
    const belongs =
      from === null ? opens(word) || isNominal(word) : isNominal(word) || isParticiple(word, before);
    if (!belongs) close(i);
    else from ??= i;
    // A comma ends what already has its noun.
    if (from !== null && /[,;:.!?]/.test(word.after) && isNoun(word)) close(i + 1);
  });
  close(words.length);
  return chunks.filter(({ from: start, to }) => words.slice(start, to).some((word) => !opens(word)));
}

/** The last noun; where the tagger saw none, the last word behind a determiner (a red orange). */
function headOf(words: readonly Word[], from: number, to: number): number | null {
  let head: number | null = null;
  for (let i = from; i < to; i++) if (isNoun(words[i] as Word)) head = i;
  if (head === null && opens(words[from] as Word) && to - from > 1) head = to - 1;
  return head === null || PLACES.has((words[head] as Word).text.toLowerCase()) ? null : head;
}

/** True where the two phrases have only a joining word between them and both name objects. */
function joins(words: readonly Word[], before: Chunk, after: Chunk): boolean {
  const between = words[before.to];
  return (
    before.head !== null &&
    after.head !== null &&
    after.from === before.to + 1 &&
    between !== undefined &&
    JOINING.has(between.text.toLowerCase())
  );
}

function opens({ tags }: Word): boolean {
  return tags.has('Determiner') || (tags.has('Possessive') && tags.has('Pronoun'));
}

function isNoun({ text, tags }: Word): boolean {
  return (
    tags.has('Noun') && !tags.has('Pronoun') && !tags.has('Possessive') && !POSTURES.has(text.toLowerCase())
  );
}

function isNominal(word: Word): boolean {
  const { tags } = word;
  return (
    isNoun(word) ||
    tags.has('Adjective') ||
    tags.has('Value') ||
    (tags.has('Possessive') && !tags.has('Pronoun'))
  );
}

/** The textured rug, a softly lit room: right behind the determiner or between adjectives. */
function isParticiple({ tags }: Word, before: Word | undefined): boolean {
  const attributive =
    tags.has('PastTense') || tags.has('Gerund') || tags.has('Participle') || tags.has('Adverb');
  return (
    attributive &&
    before !== undefined &&
    (opens(before) || before.tags.has('Adjective') || before.tags.has('Adverb'))
  );
}

function textOf(words: readonly Word[], from: number, to: number): string {
  return words
    .slice(from, to)
    .map(({ text, after }, i) => text + (i === to - from - 1 ? '' : after))
    .join('');
}

/** For comparison: without case, marks at the ends and doubled spaces. */
function squash(text: string): string {
  return text
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .replace(/^[\s.]+|[\s.!?]+$/g, '');
}
