import { firstMiddleLast } from '../../../analysis/ranking.ts';
import type { NamedScore } from '../../../state/run/agreement.ts';
import { useGallery } from '../../../state/run/gallery.ts';
import type { OpenRun } from '../../../state/run/runs.ts';
import { formatNumber } from '../../format.ts';
import { CandidatePicture } from '../../primitives/Picture.tsx';
import styles from './Agreement.module.css';

type FirstMiddleLastProps = {
  readonly run: OpenRun;
  readonly ordering: NamedScore;
  readonly others: readonly NamedScore[];
  readonly prompt: number;
};

/** The paper's Figure 1: the images at ranks first, middle and last by one score, and what the others make of them. */
export function FirstMiddleLast({ run, ordering, others, prompt }: FirstMiddleLastProps) {
  const round = useGallery((state) => state.round);
  const own = ordering.values.filter((value) => value.prompt === prompt);
  const places = [...new Set(firstMiddleLast(own.map(({ value }) => value)))];
  const shown = places.flatMap((place) => own[place] ?? []);
  const text = run.spec.prompts[prompt] ?? '';
  return (
    <section className={styles.section} aria-labelledby="figure-title">
      <h2 id="figure-title">First, middle and last by {ordering.label} (the paper’s Figure 1)</h2>
      <p>“{text}”</p>
      <ul className={styles.images}>
        {shown.map(({ candidate, value }) => {
          const rank = rankOf(ordering, prompt, candidate);
          return (
            <li key={candidate}>
              <CandidatePicture
                at={{ runId: run.summary.id, round, prompt, candidate }}
                alt={`${text}, rank ${rank}`}
                crisp
              />
              <dl className={styles.ranks}>
                <Rank label={ordering.label} rank={rank} of={own.length} value={value} />
                {others.map((other) => (
                  <Rank
                    key={other.name}
                    label={other.label}
                    rank={rankOf(other, prompt, candidate)}
                    of={own.length}
                    value={
                      other.values.find((v) => v.prompt === prompt && v.candidate === candidate)?.value ??
                      null
                    }
                  />
                ))}
              </dl>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** 1 for the best; equals share the best of their ranks. Null without a score. */
function rankOf({ values }: NamedScore, prompt: number, candidate: number): number | null {
  const own = values.filter((value) => value.prompt === prompt);
  const value = own.find((other) => other.candidate === candidate)?.value;
  return value === undefined ? null : 1 + own.filter((other) => other.value > value).length;
}

type RankProps = {
  readonly label: string;
  readonly rank: number | null;
  readonly of: number;
  readonly value: number | null;
};

function Rank({ label, rank, of, value }: RankProps) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        {rank === null ? 'no score' : `rank ${rank} of ${of}`}
        <span className={styles.value}> {formatNumber(value, 3)}</span>
      </dd>
    </div>
  );
}
