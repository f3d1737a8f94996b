/** CLIP's tokenizer; a text that is too long is cut and its end token put last. */
import { type ClipTokenizer, makeTokenizer } from '../../models/text/tokenizer.ts';

/**
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
export function withoutPadding(rows: readonly { ids: readonly number[]; used: number }[]): number[][] {
  const length = Math.max(...rows.map(({ used }) => used + 2));
  return rows.map(({ ids }) => ids.slice(0, length));
}
