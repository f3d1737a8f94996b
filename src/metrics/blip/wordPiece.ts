/**
 * BERT's tokenizer (Devlin et al. 2018, arXiv:1810.04805; transformers' slow `BertTokenizer`, lower-casing): cleaning,
 * words and punctuation, then the longest known pieces from the left.
 */
import { StudioError } from '../../lib/errors.ts';

export type WordPieceTokenizer = {
  /** Pieces of a text. Special tokens written in it stand for themselves. */
  tokenize(text: string): string[];
  idOf(token: string): number;
  /** Number of tokens, those that BLIP adds included. */
  readonly size: number;
};

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;
/** BLIP adds these two to the vocabulary. */
const ADDED = ['[DEC]', '[ENC]'] as const;
const MAX_WORD_LETTERS = 100;
const MAX_TOKENS = 1_000_000;

/**
 * @param vocabulary text of vocab.txt: a token a line, its id the line's number
 * @throws StudioError `tokenizer-invalid`
 */
export function makeWordPiece(vocabulary: string): WordPieceTokenizer {
  const lines = vocabulary.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length > MAX_TOKENS) throw invalid(`it has ${lines.length} tokens`);
  const ids = new Map(lines.map((token, id) => [token, id]));
  for (const token of SPECIAL) if (!ids.has(token)) throw invalid(`it has no ${token}`);
  for (const token of ADDED) if (!ids.has(token)) ids.set(token, ids.size);
  const special = new Set<string>([...SPECIAL, ...ADDED]);
  return {
    size: ids.size,
    idOf: (token) => ids.get(token) ?? (ids.get('[UNK]') as number),
    tokenize: (text) =>
      text
        .split(/(\[(?:PAD|UNK|CLS|SEP|MASK|DEC|ENC)\])/)
        .flatMap((part) =>
          special.has(part) ? [part] : basicWords(part).flatMap((word) => pieces(word, ids)),
        ),
  };
}

function basicWords(text: string): string[] {
  return spaced(text.replace(/[\t\n\r]/g, ' ').replace(/[\p{C}\ufffd]/gu, ''))
    .normalize('NFC')
    .split(/\s+/u)
    .filter((word) => word !== '')
    .flatMap((word) => splitPunctuation(withoutAccents(word.toLowerCase())));
}

/** Ideographs stand alone. */
function spaced(text: string): string {
  return text.replace(IDEOGRAPHS, ' $& ');
}
const IDEOGRAPHS =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

function withoutAccents(text: string): string {
  return text.normalize('NFD').replace(/\p{Mn}/gu, '');
}

/** Punctuation is what Unicode calls so, and all of ASCII that is neither letter, digit nor space. */
function splitPunctuation(word: string): string[] {
  return word.split(/([!-/:-@[-`{-~]|\p{P})/u).filter((part) => part !== '');
}

function pieces(word: string, ids: ReadonlyMap<string, number>): string[] {
  const letters = Array.from(word);
  if (letters.length > MAX_WORD_LETTERS) return ['[UNK]'];
  const found: string[] = [];
  let start = 0;
  while (start < letters.length) {
    let end = letters.length;
    const pieceTo = (to: string[]): string => (start > 0 ? '##' : '') + to.join('');
    while (end > start && !ids.has(pieceTo(letters.slice(start, end)))) end--;
    // One unknown piece makes the whole word unknown.
    if (end === start) return ['[UNK]'];
    found.push(pieceTo(letters.slice(start, end)));
    start = end;
  }
  return found;
}

function invalid(problem: string): StudioError {
  return new StudioError('tokenizer-invalid', `The tokenizer cannot be loaded: vocab.txt: ${problem}.`, {
    where: 'vocab.txt',
    remedy: 'Use the vocab.txt of bert-base-uncased.',
  });
}
