/** From a noun phrase to the ids that the question encoder reads (T2I-CompBench BLIPvqa_eval, git 1b70949). */
import type { WordPieceTokenizer } from './wordPiece.ts';

/** Questions asked about a picture; T2I-CompBench looks no further. */
export const MAX_QUESTIONS = 8;
const MAX_WORDS = 50;
/** Tokens, the first and the last among them. */
export const MAX_QUESTION_TOKENS = 35;

/** The question about a phrase: none about an empty one. */
export function questionOf(phrase: string): string {
  return phrase === '' ? '' : `${phrase}?`;
}

/** Lower-cased, with some marks deleted (not replaced: 8:30 becomes 830), spaces at the end removed, 50 words at most. */
export function cleanQuestion(question: string): string {
  const cleaned = question
    .toLowerCase()
    .replace(/[.!"()*#:;~]/g, '')
    .trimEnd();
  const words = cleaned.split(' ');
  return words.length > MAX_WORDS ? words.slice(0, MAX_WORDS).join(' ') : cleaned;
}

/** [ENC], the pieces, [SEP]; cut to 35. */
export function questionIds(tokenizer: WordPieceTokenizer, question: string): number[] {
  const pieces = tokenizer.tokenize(cleanQuestion(question)).slice(0, MAX_QUESTION_TOKENS - 2);
  return ['[ENC]', ...pieces, '[SEP]'].map((token) => tokenizer.idOf(token));
}

/** Chunks that T2I-CompBench leaves out: whole, and case-sensitive. "the top" and "side" are asked about. */
const LEFT_OUT: ReadonlySet<string> = new Set(['top', 'the side', 'the left', 'the right']);

/** The phrases that are asked about, at most 8. */
export function askedPhrases(chunks: readonly string[]): readonly string[] {
  return chunks.filter((chunk) => !LEFT_OUT.has(chunk)).slice(0, MAX_QUESTIONS);
}
