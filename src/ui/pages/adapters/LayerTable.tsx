import type { AdapterFacts, LayerFacts } from '../../../contract/adapterFiles.ts';
import { formatNumber, formatPercent } from '../../format.ts';
import { Scroll } from '../../primitives/Scroll.tsx';
import styles from './Adapters.module.css';
import { byBlock, formatPlain } from './blocks.ts';

type LayerTableProps = Pick<AdapterFacts, 'layers' | 'comparison'>;

/** Layers by block, each block with its own sums. */
export function LayerTable({ layers, comparison }: LayerTableProps) {
  const blocks = byBlock(layers);
  const distances = new Map(comparison?.layers.map((layer) => [layer.module, layer]));
  const dora = layers.some((layer) => layer.scaling !== null);
  return (
    <Scroll label="Layers of the adapter" className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Block and layer</th>
            <th scope="col">Change</th>
            <th scope="col">Norm</th>
            <th scope="col">Rank</th>
            <th scope="col">Used</th>
            {dora ? <th scope="col">Magnitudes</th> : null}
            {comparison === null ? null : <th scope="col">Distance</th>}
          </tr>
        </thead>
        {[...blocks].map(([block, own]) => (
          <tbody key={block}>
            <tr className={styles.block}>
              <th scope="rowgroup">{block}</th>
              <td>{formatPercent(changeOf(own))}</td>
              <td>{formatNumber(Math.hypot(...own.map((layer) => layer.norm)))}</td>
              <td colSpan={2 + (dora ? 1 : 0) + (comparison === null ? 0 : 1)} />
            </tr>
            {own.map((layer) => (
              <tr key={layer.module}>
                <th scope="row">{layer.module.slice(block.length + 1)}</th>
                <td>{formatPercent(layer.relative)}</td>
                <td>{formatNumber(layer.norm)}</td>
                <td>{formatPlain(layer.rank)}</td>
                <td>{formatPlain(layer.usedRank)}</td>
                {dora ? <td>{layer.scaling === null ? '–' : formatPercent(layer.scaling)}</td> : null}
                {comparison === null ? null : (
                  <td>{formatPercent(distances.get(layer.module)?.distance ?? 1)}</td>
                )}
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </Scroll>
  );
}

/** ||change|| / ||W|| of a block: the norms of W follow from those of its layers. */
function changeOf(layers: readonly LayerFacts[]): number {
  const frozen = layers.map(({ norm, relative }) => (relative === 0 ? 0 : norm / relative));
  const whole = Math.hypot(...frozen);
  return whole === 0 ? 0 : Math.hypot(...layers.map((layer) => layer.norm)) / whole;
}
