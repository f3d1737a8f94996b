import { useMemo } from 'react';
import { type PairedPrompt, rankPairs } from '../../../analysis/agreement.ts';
import { firstMiddleLast } from '../../../analysis/ranking.ts';
import type { NamedScore } from '../../../state/run/agreement.ts';
import styles from './Agreement.module.css';

const WIDTH = 360;
const HEIGHT = 360;
const TOP = 30;
const BOTTOM = 10;
const LEFT = 70;
const RIGHT = WIDTH - 70;
/** With more images than this only some ranks are written. */
const MOST_LABELS = 20;

type RankFlowProps = {
  readonly ordering: NamedScore;
  readonly against: NamedScore;
  readonly prompt: PairedPrompt;
  readonly text: string;
};

/** One line per image of a prompt, from its rank by one score to its rank by the other; the paper's three stand out. */
export function RankFlow({ ordering, against, prompt, text }: RankFlowProps) {
  const pairs = useMemo(() => rankPairs(prompt), [prompt]);
  const three = new Set(firstMiddleLast(prompt.scores));
  const y = (rank: number) => TOP + ((rank - 1) / Math.max(1, pairs.length - 1)) * (HEIGHT - TOP - BOTTOM);
  const labels = pairs
    .map((_, i) => i + 1)
    .filter((rank) => pairs.length <= MOST_LABELS || rank === 1 || rank % 5 === 0);
  // Lines that matter are drawn last, over the others.
  const ordered = pairs
    .map((pair, place) => ({ ...pair, marked: three.has(place) }))
    .sort((a, b) => Number(a.marked) - Number(b.marked));
  return (
    <figure className={styles.plot}>
      <figcaption>
        <h2>From rank to rank</h2>
        <p className={styles.note}>
          “{text}”; first, middle and last by {ordering.label} are marked.
        </p>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`Ranks of ${pairs.length} images by ${ordering.label} on the left and ${against.label} on the right. ${ordered
          .filter(({ marked }) => marked)
          .map(({ ranks }) => `Rank ${ranks[0]} becomes ${ranks[1]}`)
          .join(', ')}.`}
      >
        <text className={styles.axisLabel} x={LEFT} y={14} textAnchor="middle">
          {ordering.label}
        </text>
        <text className={styles.axisLabel} x={RIGHT} y={14} textAnchor="middle">
          {against.label}
        </text>
        {labels.map((rank) => (
          <g key={rank} className={styles.axis}>
            <text x={LEFT - 10} y={y(rank) + 4} textAnchor="end">
              {rank}
            </text>
            <text x={RIGHT + 10} y={y(rank) + 4}>
              {rank}
            </text>
          </g>
        ))}
        {ordered.map(({ candidate, ranks: [from, to], marked }) => (
          <g key={candidate} className={styles.flow} data-marked={marked}>
            <line x1={LEFT} x2={RIGHT} y1={y(from)} y2={y(to)} />
            <circle cx={LEFT} cy={y(from)} r="3" />
            <circle cx={RIGHT} cy={y(to)} r="3" />
          </g>
        ))}
      </svg>
    </figure>
  );
}
