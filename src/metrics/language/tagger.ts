/**
 * Parts of speech, by the small tagger `compromise` with corrections for words that it gets wrong in descriptions of
 * pictures. It is not spaCy, whose tags the paper's questions come from: what it finds is shown, and may be edited.
 */

/** Names of Universal Dependencies. */
type Tag = 'DET' | 'ADJ' | 'NUM' | 'NOUN' | 'PRON' | 'VERB' | 'ADP' | 'CCONJ' | 'ADV' | 'OTHER';

export type TaggedTerm = {
  readonly text: string;
  readonly tag: Tag;
  readonly isPossessive: boolean;
  /** Where the word stands in the text. */
  readonly start: number;
  readonly end: number;
  /** What stands between it and the next word. */
  readonly after: string;
};

type Term = { text: string; pre: string; post: string; tags?: string[] };

/** Tags the words of a text. The tagger is loaded at the first call. */
export async function tagText(text: string): Promise<TaggedTerm[]> {
  const { default: nlp } = await import('compromise/two');
  const sentences = nlp(text).json({ offset: false }) as { terms: Term[] }[];
  const terms = sentences.flatMap((sentence) => sentence.terms);
  const found: TaggedTerm[] = [];
  let at = 0;
  for (const [i, { text: word, tags = [], post }] of terms.entries()) {
    // Contractions come with terms of no text.
    if (word === '') continue;
    const start = text.indexOf(word, at);
    if (start < 0) continue;
    at = start + word.length;
    found.push({
      text: word,
      tag: correctedTag(word, tags, terms[i - 1], terms[i + 1]),
      isPossessive: tags.includes('Possessive'),
      start,
      end: at,
      after: post,
    });
  }
  return joinHyphens(text, found);
}

/** "post-it" and "tug-of-war" are single nouns here. */
function joinHyphens(text: string, terms: readonly TaggedTerm[]): TaggedTerm[] {
  const joined: TaggedTerm[] = [];
  for (const term of terms) {
    const previous = joined.at(-1);
    if (previous?.after !== '-') {
      joined.push(term);
      continue;
    }
    const tag = term.tag === 'PRON' || term.tag === 'VERB' ? 'NOUN' : term.tag;
    joined[joined.length - 1] = {
      ...term,
      tag,
      start: previous.start,
      text: text.slice(previous.start, term.end),
    };
  }
  return joined;
}

/** In this order: a word has several tags, and the first of these decides. */
const TAGS: readonly (readonly [string, Tag])[] = [
  ['Pronoun', 'PRON'],
  ['Determiner', 'DET'],
  ['Conjunction', 'CCONJ'],
  ['Preposition', 'ADP'],
  ['Adverb', 'ADV'],
  ['Cardinal', 'NUM'],
  ['Adjective', 'ADJ'],
  ['Verb', 'VERB'],
  ['Noun', 'NOUN'],
];

const DETERMINERS = /^(an?|the|this|that|these|those|some|any|every|each|no|another|both|all)$/i;
const POSSESSIVES = /^(my|your|his|her|its|our|their)$/i;
const PREPOSITIONS =
  /^(above|below|beneath|under|on|in|at|of|near|beside|besides|behind|inside|against|with|without|from|to|into|onto|around|through|across|along|between|among|during|by|for|past|while)$/i;
/** Taken for nouns or verbs, but describing what follows. */
const ADJECTIVES =
  /^(wooden|metallic|plastic|leather|glass|rubber|fabric|fluffy|gold|golden|silver|orange|pink|beige|oval|square|round|cubic|conical|spherical|cylindrical|pyramidal|pentagonal|oblong|diamond|teardrop|upside)$/i;
const PLACES = /^(left|right|top|bottom|side|front|back|middle|center)$/i;

function correctedTag(
  word: string,
  tags: readonly string[],
  before: Term | undefined,
  next: Term | undefined,
): Tag {
  if (DETERMINERS.test(word)) return 'DET';
  if (POSSESSIVES.test(word)) return 'DET';
  const tag = TAGS.find(([name]) => tags.includes(name))?.[1] ?? 'OTHER';
  // "the left of": a noun. "the left shoe": not.
  if (PLACES.test(word) && next?.text.toLowerCase() === 'of') return 'NOUN';
  if (PREPOSITIONS.test(word)) return 'ADP';
  const leads = next !== undefined && startsNominal(next);
  if (ADJECTIVES.test(word) && leads) return 'ADJ';
  const follows = before !== undefined && describes(before);
  // "a piercing whistle", "an oval dining table", "a short oak".
  const isParticiple = tags.includes('Gerund') || tags.includes('PastTense') || tags.includes('Participle');
  if (follows && leads && (tag === 'ADV' || (tag === 'VERB' && isParticiple))) return 'ADJ';
  // A determiner before it, and nothing after that it could belong to.
  if ((tag === 'VERB' || tag === 'ADJ') && !leads && follows) return 'NOUN';
  // "construction cones marked the road", "a soda can": two verbs do not meet, and a sentence does not end with "can".
  const afterNoun = before?.tags?.includes('Noun') === true && before.post.trim() === '';
  const nextIsVerb = next?.tags?.includes('Verb') === true && !next.tags.includes('Gerund');
  const isThird = tags.includes('PresentTense') && !isParticiple;
  if (afterNoun && ((isThird && nextIsVerb) || (tags.includes('Modal') && !nextIsVerb))) return 'NOUN';
  return tag;
}

function startsNominal({ text, tags = [] }: Term): boolean {
  if (DETERMINERS.test(text) || PREPOSITIONS.test(text)) return false;
  return tags.includes('Noun') || tags.includes('Adjective');
}

function describes({ text, tags = [], post }: Term): boolean {
  if (/[.;:!?]/.test(post)) return false;
  return (
    DETERMINERS.test(text) || POSSESSIVES.test(text) || tags.includes('Adjective') || ADJECTIVES.test(text)
  );
}

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
