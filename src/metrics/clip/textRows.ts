/** CLIP's tokenizer, and unit rows of texts, each encoded once; the tower is on the device while it has work. */
import { type ClipTokenizer, makeTokenizer } from '../../models/text/tokenizer.ts';
import { trimPool } from '../../tensor/memory.ts';
import type { Clip } from './load.ts';
import { textFeatures, unitRows } from './run.ts';

/** Texts that are encoded together. */
export const TEXT_BATCH = 32;

type TextRows = {
  /** Encodes those that are not known yet. */
  prepare(texts: readonly string[]): Promise<void>;
  /** The row of a text that was prepared. */
  of(text: string): Float32Array;
};

/** Rows that are asked for again cost nothing; they stay as long as the meter. */
export function textRows(
  { text, parts }: Pick<Clip, 'text'> & { readonly parts: Pick<Clip['parts'], 'text'> },
  tokenizer: ClipTokenizer,
): TextRows {
  const known = new Map<string, Float32Array>();
  return {
    prepare: async (texts) => {
      const missing = [...new Set(texts)].filter((one) => !known.has(one));
      if (missing.length === 0) return;
      const release = await parts.text.hold();
      try {
        for (let from = 0; from < missing.length; from += TEXT_BATCH) {
          const batch = missing.slice(from, from + TEXT_BATCH);
          const ids = withoutPadding(batch.map((one) => tokenizer.encode(one)));
          const rows = await unitRows(textFeatures(text, ids));
          for (const [i, one] of batch.entries()) known.set(one, rows[i] as Float32Array);
        }
      } finally {
        release();
        trimPool();
      }
    },
    of: (one) => known.get(one) as Float32Array,
  };
}

/**
 * CLIP's tokenizer; a text that is too long is cut and its end token put last.
 * @param files texts of vocab.json and merges.txt; OpenAI's and open_clip's models use one vocabulary
 * @param maxTokens positions of the text tower
 * @throws StudioError `tokenizer-invalid`
 */
export function makeMetricTokenizer(
  files: { readonly vocab: string; readonly merges: string },
  maxTokens: number,
): ClipTokenizer {
  const config = JSON.stringify({ model_max_length: maxTokens });
  return makeTokenizer({ ...files, config }, maxTokens);
}

/** Rows without the columns that all of them pad: what comes after its end token changes nothing of a text. */
function withoutPadding(rows: readonly { ids: readonly number[]; used: number }[]): number[][] {
  const length = Math.max(...rows.map(({ used }) => used + 2));
  return rows.map(({ ids }) => ids.slice(0, length));
}
