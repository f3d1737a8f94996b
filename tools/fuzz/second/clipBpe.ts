// A second tokenizer of CLIP: bytes are spelled in an alphabet of printable letters, and the pair that comes first in the
// list is joined until no pair of the list is left.

export type PlainBpe = {
  readonly vocab: ReadonlyMap<string, number>;
  readonly ranks: ReadonlyMap<string, number>;
};

export function plainBpe(vocab: string, merges: string): PlainBpe {
  const lines = merges.split('\n').filter((line) => line !== '' && !line.startsWith('#version'));
  return {
    vocab: new Map(Object.entries(JSON.parse(vocab) as Record<string, number>)),
    ranks: new Map(lines.map((line, rank) => [line.trim(), rank])),
  };
}

const WORDS = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+/gu;

/** Ids of a text without start and end; special tokens are found as they are written, before anything else. */
export function plainIds({ vocab, ranks }: PlainBpe, text: string): number[] {
  return text.split(/(<\|startoftext\|>|<\|endoftext\|>)/).flatMap((part) => {
    const special = vocab.get(part);
    if (special !== undefined && part.startsWith('<|')) return [special];
    // Alone, also what is a special token only in lower case: as OpenAI's tokenizer has it, and unlike transformers.
    const lower = vocab.get(part.toLowerCase());
    if (lower !== undefined && part.startsWith('<|')) return [lower];
    const words = part.normalize('NFC').replace(/\s+/g, ' ').toLowerCase().match(WORDS) ?? [];
    return words.flatMap((word) => joined(word, ranks).map((piece) => vocab.get(piece) as number));
  });
}

function joined(word: string, ranks: ReadonlyMap<string, number>): string[] {
  let pieces = [...Buffer.from(word, 'utf8')].map(letterOf);
  pieces[pieces.length - 1] += '</w>';
  for (;;) {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < pieces.length; i++) {
      best = Math.min(best, ranks.get(`${pieces[i]} ${pieces[i + 1]}`) ?? Number.POSITIVE_INFINITY);
    }
    if (best === Number.POSITIVE_INFINITY) return pieces;
    const next: string[] = [];
    for (let i = 0; i < pieces.length; i++) {
      const found = i + 1 < pieces.length && ranks.get(`${pieces[i]} ${pieces[i + 1]}`) === best;
      next.push(found ? `${pieces[i]}${pieces[++i]}` : (pieces[i] as string));
    }
    pieces = next;
  }
}

/** Printable Latin-1 stands for itself; the n-th of the others is letter 256 + n. */
function letterOf(byte: number): string {
  const isPrintable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  if (isPrintable(byte)) return String.fromCharCode(byte);
  let before = 0;
  for (let b = 0; b < byte; b++) if (!isPrintable(b)) before++;
  return String.fromCharCode(256 + before);
}
