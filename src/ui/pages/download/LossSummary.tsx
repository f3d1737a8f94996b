import type { LayerLoss } from '../../../contract/adapterFiles.ts';
import { formatPercent, formatPlural } from '../../format.ts';
import { Disclosure } from '../../primitives/Disclosure.tsx';
import styles from './DownloadPage.module.css';

/** What low rank lost of each layer's change, the worst first. */
export function LossSummary({ losses }: { readonly losses: readonly LayerLoss[] }) {
  if (losses.length === 0) return <p className={styles.text}>Exact in every layer.</p>;
  const sorted = losses.toSorted((a, b) => b.residual - a.residual);
  const median = sorted[Math.floor(sorted.length / 2)]?.residual ?? 0;
  return (
    <div className={styles.losses}>
      <p className={styles.text}>
        Lost of the change: {formatPercent(median)} in the median layer,{' '}
        {formatPercent(sorted[0]?.residual ?? 0)} in the worst of {formatPlural(losses.length, 'layer')}. A
        higher rank loses less.
      </p>
      <Disclosure label="Every layer">
        <ul className={styles.lossList}>
          {sorted.map(({ module, residual }) => (
            <li key={module}>
              <span>{module}</span> <span>{formatPercent(residual)}</span>
            </li>
          ))}
        </ul>
      </Disclosure>
    </div>
  );
}
