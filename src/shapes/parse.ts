/**
 * Text of a prompt <-> its meaning. Reading is tolerant (articles, order of adjectives, a few synonyms, commas);
 * text outside the grammar gives null, never a guess.
 */
import {
  COLORS,
  type ObjectPhrase,
  type Relation,
  type RelationPhrase,
  SHAPES,
  type ShapesPrompt,
  SIZES,
  TEXTURES,
} from './world.ts';

const PHRASES: Readonly<Record<Relation, string>> = {
  left: 'on the left of',
  right: 'on the right of',
  above: 'above',
  below: 'below',
  touching: 'touching',
  inside: 'inside',
  overlapping: 'overlapping',
};

/** Connecting word sequences, longest first; `null` only joins. */
const CONNECTORS: readonly (readonly [readonly string[], Relation | null])[] = [
  [['on', 'the', 'left', 'side', 'of'], 'left'],
  [['on', 'the', 'right', 'side', 'of'], 'right'],
  [['to', 'the', 'left', 'of'], 'left'],
  [['to', 'the', 'right', 'of'], 'right'],
  [['on', 'the', 'left', 'of'], 'left'],
  [['on', 'the', 'right', 'of'], 'right'],
  [['inside', 'of'], 'inside'],
  [['left', 'of'], 'left'],
  [['right', 'of'], 'right'],
  [['above'], 'above'],
  [['below'], 'below'],
  [['under'], 'below'],
  [['beneath'], 'below'],
  [['touching'], 'touching'],
  [['touches'], 'touching'],
  [['inside'], 'inside'],
  [['in'], 'inside'],
  [['overlapping'], 'overlapping'],
  [['overlaps'], 'overlapping'],
  [['and'], null],
  [['with'], null],
];

const SYNONYMS: Readonly<Record<string, string>> = {
  large: 'big',
  tiny: 'small',
  little: 'small',
  plain: 'solid',
  stripy: 'striped',
  spotted: 'dotted',
};
const ARTICLES = new Set(['a', 'an', 'the', 'one']);

type Cursor = { readonly words: readonly string[]; at: number };

/** Returns the meaning of a prompt, or null where the text is outside the grammar (or repeats an attribute). */
export function parsePrompt(text: string): ShapesPrompt | null {
  const cursor: Cursor = { words: splitWords(text), at: 0 };
  const objects: ObjectPhrase[] = [];
  const relations: RelationPhrase[] = [];
  let pending: Relation | null = null;
  while (true) {
    const phrase = readObject(cursor);
    if (phrase === null) return null;
    objects.push(phrase);
    if (pending !== null)
      relations.push({ relation: pending, subject: objects.length - 2, object: objects.length - 1 });
    if (cursor.at === cursor.words.length) return { objects, relations };
    const connector = readConnector(cursor);
    if (connector === undefined) return null;
    pending = connector;
  }
}

/** Words in lower case; commas read as "and", a final period is dropped. */
function splitWords(text: string): string[] {
  const plain = text
    .toLowerCase()
    .replace(/[.\s]+$/, '')
    .replace(/,\s*and\b/g, ' and ')
    .replace(/,/g, ' and ');
  return plain.split(/\s+/).filter((word) => word !== '' && word !== 'is');
}

function readObject(cursor: Cursor): ObjectPhrase | null {
  if (ARTICLES.has(cursor.words[cursor.at] ?? '')) cursor.at += 1;
  let phrase: Omit<ObjectPhrase, 'shape'> = { color: null, texture: null, size: null };
  while (cursor.at < cursor.words.length) {
    const raw = cursor.words[cursor.at] ?? '';
    const word = SYNONYMS[raw] ?? raw;
    cursor.at += 1;
    const shape = SHAPES.find((name) => name === word);
    if (shape !== undefined) return { shape, ...phrase };
    const color = COLORS.find((name) => name === word);
    const texture = TEXTURES.find((name) => name === word);
    const size = SIZES.find((name) => name === word);
    if (color !== undefined && phrase.color === null) phrase = { ...phrase, color };
    else if (texture !== undefined && phrase.texture === null) phrase = { ...phrase, texture };
    else if (size !== undefined && phrase.size === null) phrase = { ...phrase, size };
    else return null;
  }
  return null;
}

/** Returns undefined where no connector follows. */
function readConnector(cursor: Cursor): Relation | null | undefined {
  for (const [sequence, relation] of CONNECTORS) {
    if (sequence.every((word, i) => cursor.words[cursor.at + i] === word)) {
      cursor.at += sequence.length;
      return relation;
    }
  }
  return undefined;
}

/** Writes one object: `a [size] [color] [texture] shape`. */
function objectText(phrase: ObjectPhrase): string {
  const words = [phrase.size, phrase.color, phrase.texture, phrase.shape].filter((word) => word !== null);
  const article = /^[aeiou]/.test(words[0] ?? '') ? 'an' : 'a';
  return `${article} ${words.join(' ')}`;
}

/** Writes a prompt; relations must be between neighbors in the list of objects. */
export function promptText(prompt: ShapesPrompt): string {
  return prompt.objects.reduce((text, phrase, i) => {
    if (i === 0) return objectText(phrase);
    const link = prompt.relations.find((one) => one.subject === i - 1 && one.object === i);
    return `${text} ${link === undefined ? 'and' : PHRASES[link.relation]} ${objectText(phrase)}`;
  }, '');
}
