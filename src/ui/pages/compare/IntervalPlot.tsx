import type { Interval } from '../../../contract/events.ts';
import styles from './IntervalPlot.module.css';

const MARGIN = 0.12;

/** Whether an interval lies above zero, below it, or on both sides. */
export function verdictOf({ low, high }: Interval): 'better' | 'worse' | 'open' {
  return low > 0 ? 'better' : high < 0 ? 'worse' : 'open';
}

type IntervalPlotProps = { readonly interval: Interval; readonly label: string };

/** A mean with its interval against zero, on a scale of its own. */
export function IntervalPlot({ interval: { mean, low, high }, label }: IntervalPlotProps) {
  const from = Math.min(0, low);
  const to = Math.max(0, high);
  const span = (to - from || 1) * (1 + 2 * MARGIN);
  const place = (value: number) =>
    `${(((value - from) / span + MARGIN / (1 + 2 * MARGIN)) * 100).toFixed(2)}%`;
  return (
    <svg
      className={styles.plot}
      data-verdict={verdictOf({ mean, low, high })}
      role="img"
      aria-label={label}
      width="100%"
      height="36"
    >
      <line className={styles.zero} x1={place(0)} x2={place(0)} y1="2" y2="24" />
      <text className={styles.zeroLabel} x={place(0)} y="35" textAnchor="middle">
        0
      </text>
      <line className={styles.range} x1={place(low)} x2={place(high)} y1="13" y2="13" />
      <line className={styles.end} x1={place(low)} x2={place(low)} y1="8" y2="18" />
      <line className={styles.end} x1={place(high)} x2={place(high)} y1="8" y2="18" />
      <circle className={styles.mean} cx={place(mean)} cy="13" r="5" />
    </svg>
  );
}
