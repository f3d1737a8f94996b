import { useEffect } from 'react';
import { useEngine } from '../../../../state/page/engine.ts';
import { loadPoolScores, usePoolScores } from '../../../../state/run/agreement.ts';
import { useGallery } from '../../../../state/run/gallery.ts';
import { useRuns } from '../../../../state/run/runs.ts';
import { changePack, useMaker } from '../../../../state/survey/maker.ts';
import { MAX_COLUMNS } from '../../../../survey/manifest.ts';
import styles from './MakePack.module.css';

/** Up to four scores of the open run; respondents see the best image by each. */
export function ScoreChoice() {
  const name = useRuns((state) => state.open?.summary.name ?? null);
  const pool = useGallery((state) => state.rounds.get(state.round));
  const ready = useEngine((state) => state.status === 'ready');
  const scores = usePoolScores((state) => state.scores);
  const chosen = useMaker((state) => state.scores);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a pool that grows has new scores
  useEffect(() => void loadPoolScores(ready), [ready, pool, name]);
  if (name === null)
    return <p>Open a run first: a pack of this kind shows the best of its images by each score.</p>;
  const change = (score: string, on: boolean) =>
    void changePack({
      scores: scores.map((s) => s.name).filter((s) => (s === score ? on : chosen.includes(s))),
    });
  return (
    <fieldset className={styles.choice}>
      <legend>
        Scores of “{name}”: of each prompt, the best image by each score. At most {MAX_COLUMNS.metrics}.
      </legend>
      {scores.map((score) => {
        const on = chosen.includes(score.name);
        return (
          <label key={score.name} className={styles.option}>
            <input
              type="checkbox"
              checked={on}
              disabled={!on && chosen.length >= MAX_COLUMNS.metrics}
              onChange={(event) => change(score.name, event.currentTarget.checked)}
            />
            <span>
              {score.label} <span className={styles.help}>{score.help}</span>
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}
