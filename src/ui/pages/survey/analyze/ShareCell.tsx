import type { Share } from '../../../../survey/tables.ts';
import styles from './Analyze.module.css';

/** One decimal, as the paper's tables have. */
function percent(share: number): string {
  return Number.isNaN(share) ? '–' : (share * 100).toFixed(1);
}

/** A share in percent with its 95% interval, and the paper's beside it where there is one. */
export function ShareCell({
  share,
  paper,
}: {
  readonly share: Share | undefined;
  readonly paper?: number | undefined;
}) {
  if (share === undefined) return <td />;
  const { estimate, low, high } = share.share;
  return (
    <td className={styles.share}>
      <span className={styles.estimate}>{percent(estimate)}</span>
      <span className={styles.interval}>
        {percent(low)} to {percent(high)}
      </span>
      {paper === undefined ? null : <span className={styles.paper}>paper {paper.toFixed(1)}</span>}
    </td>
  );
}
