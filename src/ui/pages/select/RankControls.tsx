import { useEffect, useState } from 'react';
import { FIELDS } from '../../../contract/fields.ts';
import { type Ranking, rankingOf, type WeightsName } from '../../../contract/spec.ts';
import { clearHandPicks, rerank, sameRanking, useGallery } from '../../../state/run/gallery.ts';
import type { OpenRun } from '../../../state/run/runs.ts';
import { formatPlural } from '../../format.ts';
import { isMeasured } from '../../metrics.ts';
import { Button } from '../../primitives/Button.tsx';
import { Choice } from '../../primitives/Choice.tsx';
import { Range } from '../../primitives/Range.tsx';
import { Toggle } from '../../primitives/Toggle.tsx';
import styles from './Select.module.css';

type RankControlsProps = {
  readonly run: OpenRun;
  /** No ranking while the engine works. */
  readonly locked: boolean;
  /** Whether a new ranking changes the stored selection. */
  readonly editable: boolean;
  readonly showMetrics: boolean;
  readonly onShowMetrics: (show: boolean) => void;
};

/** Everything about the ranking that can change without drawing anything again. */
export function RankControls({ run, locked, editable, showMetrics, onShowMetrics }: RankControlsProps) {
  const ranking = useGallery((state) => state.ranking);
  const byHand = useGallery((state) => state.byHand.size);
  const original = rankingOf(run.spec);
  const drawn = run.spec.selection.candidates;
  const rank = (change: Partial<Ranking>) => rerank(change, { save: editable });
  const changed = !sameRanking(original, ranking);
  const hasMetrics = useGallery((state) => {
    const first = state.rounds.get(state.round)?.values().next().value?.[0];
    return first !== undefined && isMeasured(first);
  });
  return (
    <section className={styles.controls} aria-label="Ranking">
      <div className={styles.weights}>
        <span className={styles.label}>Weights over time</span>
        <Choice
          label="Weights over time"
          value={ranking.weights}
          options={FIELDS.score.fields.weights.choices}
          disabled={locked}
          onChange={(weights: WeightsName) => void rank({ weights })}
        />
      </div>
      <Slide
        label="Leave out steps up to t"
        value={ranking.truncation}
        min={0}
        max={FIELDS.score.fields.truncation.max}
        step={10}
        locked={locked}
        text={(value) => (value === 0 ? 'none' : String(value))}
        onCommit={(truncation) => void rank({ truncation })}
      />
      <Slide
        label="Candidates that compete (M)"
        value={ranking.candidates}
        min={1}
        max={drawn}
        locked={locked}
        text={(value) => `${value} of ${drawn}`}
        onCommit={(candidates) => void rank({ candidates, keep: Math.min(ranking.keep, candidates) })}
      />
      <Slide
        label="Kept per prompt (k)"
        value={ranking.keep}
        min={1}
        max={ranking.candidates}
        locked={locked}
        text={String}
        onCommit={(keep) => void rank({ keep })}
      />
      <div className={styles.actions}>
        {hasMetrics ? (
          <Toggle label="Metrics" visibleLabel checked={showMetrics} onChange={onShowMetrics} />
        ) : null}
        {changed ? (
          <Button size="small" disabled={locked} onClick={() => void rank(original)}>
            Back to the run’s ranking
          </Button>
        ) : null}
        {byHand > 0 ? (
          <Button size="small" disabled={!editable} onClick={() => void clearHandPicks()}>
            Undo hand choices of {formatPlural(byHand, 'prompt')}
          </Button>
        ) : null}
      </div>
    </section>
  );
}

type SlideProps = {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly locked: boolean;
  readonly text: (value: number) => string;
  readonly onCommit: (value: number) => void;
};

/** A slider that shows its value while moving and acts when let go. */
function Slide({ label, value, min, max, step, locked, text, onCommit }: SlideProps) {
  const [shown, setShown] = useState(value);
  useEffect(() => setShown(value), [value]);
  return (
    <Range
      label={label}
      value={shown}
      min={min}
      max={Math.max(min, max)}
      {...(step === undefined ? {} : { step })}
      disabled={locked || max <= min}
      valueText={text(shown)}
      onChange={setShown}
      onCommit={onCommit}
    />
  );
}
