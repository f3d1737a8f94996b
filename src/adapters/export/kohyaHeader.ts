/** Metadata of sd-scripts' files (train_network.py, `ss_*`), as far as loaders read them. */
import type { PlainAdapter } from '../plain.ts';

/** Width of the text context of SD-2.x. */
const SD2_CONTEXT = 1024;

/** @param what one sentence about the format, for people who look into the file */
export function kohyaMetadata(
  { layers }: PlainAdapter,
  context: { readonly contextWidth: number; readonly notes: Readonly<Record<string, string>> },
  what: string,
): Record<string, string> {
  const lowRank = layers.flatMap(({ update }) => (update.kind === 'lowRank' ? [update] : []));
  const rank = Math.max(0, ...lowRank.map((update) => update.rank));
  const alpha = Math.max(0, ...lowRank.map((update) => update.scaling * update.rank));
  const isSd2 = context.contextWidth === SD2_CONTEXT;
  return {
    format: 'pt',
    ss_network_module: 'networks.lora',
    ss_network_dim: String(rank),
    ss_network_alpha: String(alpha),
    // A1111 hides adapters of another version than the loaded model's.
    ss_v2: isSd2 ? 'True' : 'False',
    ss_base_model_version: isSd2 ? 'sd_v2' : 'sd_v1',
    ...context.notes,
    mi_tune_format: what,
  };
}
