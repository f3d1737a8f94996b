import type { LayerFacts } from '../../../contract/adapterFiles.ts';
import { formatCount, formatNumber } from '../../format.ts';

/** The block that a layer is in, such as `unet down_blocks.1` or `text_encoder text_model.encoder.layers.3`. */
function blockOf(module: string): string {
  const [component = '', ...path] = module.split('.');
  const depth = path[0] === 'text_model' ? 4 : path[0]?.endsWith('_blocks') ? 2 : 1;
  return `${component} ${path.slice(0, depth).join('.')}`;
}

/** Layers by block, in the order of the file. */
export function byBlock(layers: readonly LayerFacts[]): ReadonlyMap<string, readonly LayerFacts[]> {
  const blocks = new Map<string, LayerFacts[]>();
  for (const layer of layers) {
    const block = blockOf(layer.module);
    blocks.set(block, [...(blocks.get(block) ?? []), layer]);
  }
  return blocks;
}

export function countBlocks(layers: readonly LayerFacts[]): number {
  return byBlock(layers).size;
}

/** Ranks and alphas: whole numbers as they are. */
export function formatPlain(value: number | null): string {
  return value !== null && Number.isInteger(value) ? formatCount(value) : formatNumber(value);
}
