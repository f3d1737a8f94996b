// A second tokenizer of CLIP: bytes are spelled in an alphabet of printable letters, and the pair that comes first in the
// list is joined until no pair of the list is left.

export type PlainBpe = {
  readonly vocab: ReadonlyMap<string, number>;
  readonly ranks: ReadonlyMap<string, number>;
  /** Tokens that are found as they are written, before anything else. */
  readonly specials: readonly string[];
  /** Mends and unescapes a text, as CLIP does before it looks for words. */
  readonly clean: (text: string) => string;
};

export function plainBpe(
  files: { readonly vocab: string; readonly merges: string },
  { specials, clean }: Pick<PlainBpe, 'specials' | 'clean'>,
): PlainBpe {
  const lines = files.merges.split('\n').filter((line) => line !== '' && !line.startsWith('#version'));
  return {
    vocab: new Map(Object.entries(JSON.parse(files.vocab) as Record<string, number>)),
    ranks: new Map(lines.map((line, rank) => [line.trim(), rank])),
    specials,
    clean,
  };
}

const WORDS = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+/gu;

/** Ids of a text without start and end. */
export function plainIds({ vocab, ranks, specials, clean }: PlainBpe, text: string): number[] {
  const idOf = (piece: string) => vocab.get(piece) as number;
  return splitAt(text, specials).flatMap((part) => {
    if (specials.includes(part)) return [idOf(part)];
    // Start and end are also found where only lower case makes them, as in OpenAI's tokenizer.
    const lower = clean(part).toLowerCase().normalize('NFC').replace(/\s+/g, ' ').toLowerCase();
    const marks = ['<|startoftext|>', '<|endoftext|>'];
    return splitAt(lower, marks).flatMap((piece) => {
      if (marks.includes(piece)) return [idOf(piece)];
      return (piece.match(WORDS) ?? []).flatMap((word) => joined(word, ranks).map(idOf));
    });
  });
}

/** The marks of a text and what lies between them. */
function splitAt(text: string, marks: readonly string[]): string[] {
  const found = marks.map((mark) => ({ mark, at: text.indexOf(mark) })).filter(({ at }) => at >= 0);
  const [first] = found.sort((a, b) => a.at - b.at);
  if (first === undefined) return [text];
  const rest = text.slice(first.at + first.mark.length);
  return [text.slice(0, first.at), first.mark, ...splitAt(rest, marks)];
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
