import { useMemo } from 'react';
import { type PairedPrompt, standardized } from '../../../analysis/agreement.ts';
import type { NamedScore } from '../../../state/run/agreement.ts';
import { formatCount, formatPlural } from '../../format.ts';
import styles from './Agreement.module.css';

const SIDE = 360;
const EDGE = 34;
/** Standard deviations from the middle to the edge; points further out lie on it. */
const REACH = 3;
const MOST_POINTS = 2000;

type ScatterProps = {
  readonly ordering: NamedScore;
  readonly against: NamedScore;
  readonly pairs: readonly PairedPrompt[];
};

/** Every image by both scores, each relative to its prompt. */
export function Scatter({ ordering, against, pairs }: ScatterProps) {
  const { drawn, total } = useMemo(() => {
    const all = standardized(pairs);
    const step = Math.max(1, Math.ceil(all.length / MOST_POINTS));
    return { drawn: all.filter((_, i) => i % step === 0), total: all.length };
  }, [pairs]);
  const inside = (value: number) => Math.max(-REACH, Math.min(REACH, value));
  const x = (value: number) => EDGE + ((inside(value) + REACH) / (2 * REACH)) * (SIDE - EDGE - 6);
  const y = (value: number) => SIDE - EDGE - ((inside(value) + REACH) / (2 * REACH)) * (SIDE - EDGE - 6);
  const ticks = [-2, 0, 2];
  return (
    <figure className={styles.plot}>
      <figcaption>
        <h2>All prompts</h2>
        <p className={styles.note}>
          Each score minus its prompt’s mean, in standard deviations of the prompt.{' '}
          {drawn.length < total
            ? `${formatCount(drawn.length)} of ${formatPlural(total, 'image')} drawn.`
            : ''}
        </p>
      </figcaption>
      <svg
        viewBox={`0 0 ${SIDE} ${SIDE}`}
        role="img"
        aria-label={`${formatPlural(total, 'image')} by ${ordering.label} from left to right and ${against.label} from bottom to top`}
      >
        {ticks.map((tick) => (
          <g key={tick} className={styles.axis}>
            <line x1={x(tick)} x2={x(tick)} y1={6} y2={SIDE - EDGE} />
            <line x1={EDGE} x2={SIDE - 6} y1={y(tick)} y2={y(tick)} />
            <text x={x(tick)} y={SIDE - EDGE + 14} textAnchor="middle">
              {String(tick).replace('-', '−')}
            </text>
            <text x={EDGE - 6} y={y(tick) + 4} textAnchor="end">
              {String(tick).replace('-', '−')}
            </text>
          </g>
        ))}
        {drawn.map(([a, b], i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: points have no other identity
          <circle key={i} className={styles.point} cx={x(a)} cy={y(b)} r="2.5" />
        ))}
        <text className={styles.axisLabel} x={(SIDE + EDGE) / 2} y={SIDE - 4} textAnchor="middle">
          {ordering.label}
        </text>
        <text
          className={styles.axisLabel}
          transform={`translate(10 ${(SIDE - EDGE) / 2}) rotate(-90)`}
          textAnchor="middle"
        >
          {against.label}
        </text>
      </svg>
    </figure>
  );
}
