/** Unit rows of texts, each encoded once; the text tower is on the device while there is something to encode. */
import type { ClipTokenizer } from '../../models/text/tokenizer.ts';
import { trimPool } from '../../tensor/memory.ts';
import type { Clip } from './load.ts';
import { textFeatures, unitRows } from './run.ts';
import { withoutPadding } from './tokenize.ts';

/** Texts that are encoded together. */
export const TEXT_BATCH = 32;

type TextRows = {
  /** Encodes those that are not known yet. */
  prepare(texts: readonly string[]): Promise<void>;
  /** The row of a text that was prepared. */
  of(text: string): Float32Array;
};

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
