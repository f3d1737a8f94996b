import { useEffect, useState } from 'react';
import type { EvaluationRecord, MetricRecord } from '../../../contract/events.ts';
import type { ComparePair } from '../../../contract/protocol.ts';
import {
  chooseEvaluated,
  evaluationKey,
  loadEvaluated,
  outcomeOf,
  useEvaluated,
} from '../../../state/run/evaluated.ts';
import { shownMetrics } from '../../metrics.ts';
import { Picture } from '../../primitives/Picture.tsx';
import { Range } from '../../primitives/Range.tsx';
import styles from './HeldOutPictures.module.css';
import { tallySentence } from './verdict.ts';

const OUTCOME_WORDS = { win: 'better', tie: 'as good', loss: 'worse' } as const;
/** Percent of the picture's width up to which the picture before shows. */
const MIDDLE = 50;

type HeldOutPicturesProps = { readonly runId: string; readonly record: EvaluationRecord };

/** The pictures behind the evaluation: one large, before and after under a slider, and all of them to choose from. */
export function HeldOutPictures({ runId, record }: HeldOutPicturesProps) {
  const key = evaluationKey(runId, record);
  const shown = useEvaluated((state) => (state.key === key ? state.pairs : null));
  const chosen = useEvaluated((state) => state.chosen);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the run and its evaluation
  useEffect(() => void loadEvaluated(runId, record), [key]);
  if (shown === null) return <p className={styles.note}>Decoding the held-out pictures.</p>;
  const pair = shown[chosen];
  if (pair === undefined) return null;
  const tally = tallySentence(shown);
  return (
    <div className={styles.pictures}>
      <LargePair key={`${pair.prompt}/${pair.seed}`} pair={pair} />
      <div>
        {tally === null ? null : <p className={styles.tally}>{tally}</p>}
        <p className={styles.note}>
          Prompts that training never saw, the same seeds before and after. Choose one to see it large.
        </p>
        <ul className={styles.strip} aria-label="Held-out pictures after training">
          {shown.map((one, position) => (
            <li key={`${one.prompt}/${one.seed}`}>
              <Thumbnail
                pair={one}
                pressed={position === chosen}
                onChoose={() => chooseEvaluated(position)}
              />
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function LargePair({ pair }: { readonly pair: ComparePair }) {
  const [edge, setEdge] = useState(MIDDLE);
  return (
    <figure className={styles.large}>
      <div className={styles.stack}>
        <Picture image={pair.after} alt={`${pair.prompt}, after training`} />
        <div className={styles.before} style={{ clipPath: `inset(0 ${100 - edge}% 0 0)` }}>
          <Picture image={pair.before} alt={`${pair.prompt}, before training`} />
        </div>
        <span className={styles.edge} style={{ left: `${edge}%` }} aria-hidden="true" />
      </div>
      <Range
        label="Before, after"
        value={edge}
        min={0}
        max={100}
        valueText={edgeWords(edge)}
        onChange={setEdge}
        onCommit={setEdge}
      />
      <figcaption>
        <strong>{pair.prompt}</strong>
        <span className={styles.sides}>
          <span>before {measuredWords(pair.metricsBefore)}</span>
          <span>after {measuredWords(pair.metricsAfter)}</span>
        </span>
      </figcaption>
    </figure>
  );
}

function edgeWords(edge: number): string {
  if (edge === 0) return 'all after';
  return edge === 100 ? 'all before' : `${edge}% before`;
}

function measuredWords(metrics: MetricRecord): string {
  return shownMetrics(metrics)
    .map(({ text }) => text)
    .join(', ');
}

type ThumbnailProps = {
  readonly pair: ComparePair;
  readonly pressed: boolean;
  readonly onChoose: () => void;
};

function Thumbnail({ pair, pressed, onChoose }: ThumbnailProps) {
  const outcome = outcomeOf(pair);
  const words = outcome === null ? '' : OUTCOME_WORDS[outcome];
  return (
    <button
      type="button"
      className={styles.thumbnail}
      aria-pressed={pressed}
      aria-label={`${pair.prompt}, seed ${pair.seed}${words === '' ? '' : `, ${words}`}`}
      title={pair.prompt}
      onClick={onChoose}
    >
      <Picture image={pair.after} alt="" />
      {outcome === null ? null : (
        <span className={styles.outcome} data-outcome={outcome}>
          {words}
        </span>
      )}
    </button>
  );
}
