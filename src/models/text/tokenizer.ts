/**
 * CLIP's byte-pair tokenizer, as transformers' CLIPTokenizer cuts texts: special tokens first, then what is between them
 * is cleaned, put into small letters and cut into pairs. SD repositories ship vocab.json and merges.txt without a
 * tokenizer.json, so the description that the tokenizer library wants is put together here.
 */

import { Tokenizer } from '@huggingface/tokenizers';
import * as v from 'valibot';
import { StudioError } from '../../lib/errors.ts';
import { parseJson } from '../../lib/json.ts';
import { cleanText } from './clean/cleanText.ts';

export type ClipTokenizer = {
  readonly maxTokens: number;
  /** Ids padded or cut to `maxTokens`: start, words, end, padding. */
  encode(text: string): TokenizedPrompt;
};

type TokenizedPrompt = {
  readonly ids: readonly number[];
  /** Tokens between start and end that were kept. */
  readonly used: number;
  /** Tokens that did not fit. */
  readonly dropped: number;
};

const token = v.union([v.string(), v.object({ content: v.string() })]);
const configSchema = v.object({
  model_max_length: v.optional(v.pipe(v.number(), v.integer(), v.minValue(3)), 77),
  bos_token: v.optional(token, '<|startoftext|>'),
  eos_token: v.optional(token, '<|endoftext|>'),
  unk_token: v.optional(v.nullable(token), '<|endoftext|>'),
  pad_token: v.optional(v.nullable(token), '<|endoftext|>'),
  added_tokens_decoder: v.optional(v.unknown()),
});
const specialSchema = v.object({ pad_token: v.optional(v.nullable(token)) });

const vocabularySchema = v.record(v.string(), v.pipe(v.number(), v.integer(), v.minValue(0)));

/**
 * @param files texts of tokenizer/vocab.json, merges.txt, tokenizer_config.json and, where there is one,
 * special_tokens_map.json: the two name different padding in SD-2.x, and transformers follows the latter unless the
 * config is of the kind that lists `added_tokens_decoder`
 * @param maxTokens positions of the text encoder
 * @throws StudioError `tokenizer-invalid`
 */
export function makeTokenizer(
  files: {
    readonly vocab: string;
    readonly merges: string;
    readonly config: string;
    readonly special?: string | undefined;
  },
  maxTokens: number,
): ClipTokenizer {
  const config = parse('tokenizer_config.json', configSchema, files.config);
  const vocab = parse('vocab.json', vocabularySchema, files.vocab);
  const content = (t: v.InferOutput<typeof token> | null, otherwise: string): string =>
    t === null ? otherwise : typeof t === 'string' ? t : t.content;
  const start = content(config.bos_token, '<|startoftext|>');
  const end = content(config.eos_token, '<|endoftext|>');
  const idOf = (text: string): number => {
    const id = Object.hasOwn(vocab, text) ? vocab[text] : undefined;
    if (id === undefined) throw invalid('vocab.json', `it has no entry for the special token ${text}`);
    return id;
  };
  const startId = idOf(start);
  const endId = idOf(end);
  const special =
    files.special === undefined || config.added_tokens_decoder !== undefined
      ? {}
      : parse('special_tokens_map.json', specialSchema, files.special);
  const padding = content(special.pad_token ?? config.pad_token, end);
  const unknown = content(config.unk_token, end);
  const padId = idOf(padding);
  const length = Math.min(maxTokens, config.model_max_length);
  const merges = readMerges(files.merges, vocab);
  const tokenizer = new Tokenizer(describe({ vocab, merges, start, end, startId, endId, unknown }), {
    model_max_length: length,
  });
  // In prompts too: where "!" pads, it is not the "!" at the end of a word.
  const specials = new Map([start, end, padding, unknown].map((text) => [text, idOf(text)]));
  const boundary = new RegExp(`(${[...specials.keys()].map(escapeExpression).join('|')})`);
  const encodePiece = (piece: string): readonly number[] => {
    const specialId = specials.get(piece);
    if (specialId !== undefined) return [specialId];
    return tokenizer.encode(cleanText(piece).toLowerCase(), { add_special_tokens: false }).ids;
  };
  return {
    maxTokens: length,
    encode(text) {
      const words = text.split(boundary).flatMap(encodePiece);
      const kept = words.slice(0, length - 2);
      const ids = [startId, ...kept, endId];
      while (ids.length < length) ids.push(padId);
      return { ids, used: kept.length, dropped: words.length - kept.length };
    },
  };
}

/** Pairs of entries, the first to be joined first, without the line that names the version. */
function readMerges(text: string, vocab: Readonly<Record<string, number>>): [string, string][] {
  return text.split(/\r?\n/).flatMap((line, i): [string, string][] => {
    if (line === '' || line.startsWith('#version')) return [];
    const [left = '', right = '', ...rest] = line.split(' ');
    const known = [left, right].every((part) => Object.hasOwn(vocab, part));
    if (!known || rest.length > 0) throw invalid('merges.txt', `line ${i + 1} is no pair of entries`);
    return [[left, right]];
  });
}

function describe(d: {
  vocab: Record<string, number>;
  merges: [string, string][];
  start: string;
  end: string;
  startId: number;
  endId: number;
  unknown: string;
}): object {
  const special = (id: number, text: string): object => ({
    id,
    content: text,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [special(d.startId, d.start), special(d.endId, d.end)],
    // Texts come cleaned and in small letters.
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        {
          type: 'Split',
          pattern: { Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
          behavior: 'Removed',
          invert: true,
        },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: d.unknown,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      byte_fallback: false,
      vocab: d.vocab,
      merges: d.merges,
    },
  };
}

function escapeExpression(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function parse<S extends v.GenericSchema>(file: string, schema: S, text: string): v.InferOutput<S> {
  const json = parseJson(text, (cause) => invalid(file, 'it is not valid JSON', cause));
  const result = v.safeParse(schema, json);
  if (!result.success) throw invalid(file, result.issues[0].message);
  return result.output;
}

function invalid(file: string, problem: string, cause?: unknown): StudioError {
  return new StudioError('tokenizer-invalid', `The tokenizer cannot be loaded: ${file}: ${problem}.`, {
    where: `tokenizer/${file}`,
    remedy: 'Get the tokenizer folder from the model’s source again.',
    cause,
  });
}
