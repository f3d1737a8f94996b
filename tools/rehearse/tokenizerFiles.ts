/**
 * A tokenizer of CLIP's format and of any size. Which words get which numbers does not matter to a rehearsal, but the
 * files have the published ones' structure: the 256 byte symbols, the same with the end-of-word mark, merges, and two
 * special tokens at the end.
 */

const END_OF_WORD = '</w>';
const START = '<|startoftext|>';
const END = '<|endoftext|>';

/**
 * @param size number of entries of the vocabulary, 514 and more
 * @returns file name to text
 */
export function tokenizerFiles(size: number, maxTokens: number): ReadonlyMap<string, string> {
  const symbols = byteSymbols();
  const merges: [string, string][] = [];
  const fits = (): boolean => merges.length < size - 2 * symbols.length - 2;
  for (const merge of letterMerges()) {
    if (!fits()) break;
    merges.push(merge);
  }
  if (fits()) throw new RangeError(`a vocabulary of ${size} entries needs more merges than there are`);
  const words = [
    ...symbols,
    ...symbols.map((symbol) => symbol + END_OF_WORD),
    ...merges.map(([a, b]) => a + b),
    START,
    END,
  ];
  const vocabulary = Object.fromEntries(words.map((word, id) => [word, id]));
  const special = (content: string): object => ({
    content,
    lstrip: false,
    normalized: true,
    rstrip: false,
    single_word: false,
  });
  return new Map([
    ['vocab.json', JSON.stringify(vocabulary)],
    ['merges.txt', `#version: 0.2\n${merges.map((pair) => pair.join(' ')).join('\n')}\n`],
    [
      'tokenizer_config.json',
      json({
        add_prefix_space: false,
        bos_token: { __type: 'AddedToken', ...special(START) },
        do_lower_case: true,
        eos_token: { __type: 'AddedToken', ...special(END) },
        errors: 'replace',
        model_max_length: maxTokens,
        name_or_path: 'openai/clip-vit-large-patch14',
        pad_token: END,
        tokenizer_class: 'CLIPTokenizer',
        unk_token: { __type: 'AddedToken', ...special(END) },
      }),
    ],
    // SD-2.x pads with "!", which only this file says.
    [
      'special_tokens_map.json',
      json({ bos_token: special(START), eos_token: special(END), pad_token: '!', unk_token: special(END) }),
    ],
  ]);
}

/** GPT-2's and CLIP's table of printable characters that stand for the 256 bytes, `!` first. */
function byteSymbols(): readonly string[] {
  const isPrintable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const printable = bytes.filter(isPrintable);
  const others = bytes.filter((byte) => !isPrintable(byte)).map((_, i) => 256 + i);
  return [...printable, ...others].map((code) => String.fromCodePoint(code));
}

/** Pairs of letters, then what these make with a third and with another pair: every word once, 494,000 in all. */
function* letterMerges(): Generator<[string, string]> {
  const letters = Array.from({ length: 26 }, (_, i) => String.fromCodePoint(97 + i));
  const pairs = letters.flatMap((a) => letters.map((b) => a + b));
  for (const end of [END_OF_WORD, '']) {
    for (const pair of pairs) yield [pair[0] as string, (pair[1] as string) + end];
  }
  for (const end of [END_OF_WORD, '']) {
    for (const pair of pairs) for (const letter of letters) yield [pair, letter + end];
  }
  for (const a of pairs) for (const b of pairs) yield [a, b];
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
