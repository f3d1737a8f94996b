import type { MiTuneSpec } from '../../../contract/spec.ts';
import { findEstimator } from '../../../mi/estimators.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { shownStopped, useGallery } from '../../../state/run/gallery.ts';
import { countPicks } from '../../../state/run/selection.ts';
import { formatPlural } from '../../format.ts';
import { Disclosure } from '../../primitives/Disclosure.tsx';
import styles from './Select.module.css';

/** What the score means, what it cost, and when not to trust it. */
export function ScoreNote({ spec }: { readonly spec: MiTuneSpec }) {
  const shapesWorld = useEngine((state) => state.model?.shapesWorld ?? false);
  const stopped = useGallery((state) => countPicks(shownStopped(state)));
  const entry = findEstimator(spec.score.estimator, spec.score.path);
  if (entry === undefined) return null;
  return (
    <div>
      <p className={styles.meaning}>{entry.meaning}</p>
      <Disclosure label="What this score is, and when not to trust it">
        <dl className={styles.list}>
          <dt>Score</dt>
          <dd>
            {entry.label}, in {entry.unit === 'nats' ? 'nats' : 'no unit: a rank within the prompt'}.
          </dd>
          <dt>Caution</dt>
          <dd>{entry.caution}</dd>
          <dt>Cost</dt>
          <dd>Network evaluations beyond drawing: {entry.cost}.</dd>
          <dt>Standard error</dt>
          <dd>
            {entry.standardError === 'over draws'
              ? 'Over noise draws, shown with each image.'
              : 'None: one path gives one number.'}
          </dd>
          <dt>Can change later</dt>
          <dd>Weights, truncation, kept images and any smaller M: every step of every image is stored.</dd>
          {stopped === 0 ? null : (
            <>
              <dt>Stopped early</dt>
              <dd>
                {formatPlural(stopped, 'candidate')} had the lower score after the first steps, by the run’s
                own weights, and {stopped === 1 ? 'was' : 'were'} not drawn to the end. Other weights and a
                smaller M rank those that are there.
              </dd>
            </>
          )}
          {shapesWorld ? (
            <>
              <dt>Exact score</dt>
              <dd>
                The shapes model’s world is simple enough to be read from the pixels: the percentage says how
                many claims of the prompt hold. It is shown to judge the ranking and never takes part in it.
              </dd>
            </>
          ) : null}
        </dl>
      </Disclosure>
    </div>
  );
}
