import { useEffect } from 'react';
import { refreshRuns } from '../../../../state/run/runActions.ts';
import { useRuns } from '../../../../state/run/runs.ts';
import { changePack, useMaker } from '../../../../state/survey/maker.ts';
import { MAX_COLUMNS } from '../../../../survey/manifest.ts';
import { formatDay } from '../../../format.ts';
import { LabeledText } from '../../../primitives/Labeled.tsx';
import styles from './MakePack.module.css';

/** Up to eight runs as methods; respondents see the best kept image of each. */
export function RunChoice() {
  const runs = useRuns((state) => state.runs ?? []);
  const chosen = useMaker((state) => state.runIds);
  const category = useMaker((state) => state.category);
  useEffect(() => void refreshRuns(), []);
  if (runs.length < 2) return <p>There have to be two runs of the same prompts to compare.</p>;
  const change = (id: string, on: boolean) =>
    void changePack({ runIds: on ? [...chosen, id] : chosen.filter((other) => other !== id) });
  return (
    <>
      <fieldset className={styles.choice}>
        <legend>
          Runs, each a method: of each prompt that all of them have, the best kept image. The model they were
          drawn with has to be loaded.
        </legend>
        {runs.map((run) => (
          <label key={run.id} className={styles.option}>
            <input
              type="checkbox"
              checked={chosen.includes(run.id)}
              disabled={!chosen.includes(run.id) && chosen.length >= MAX_COLUMNS.methods}
              onChange={(event) => change(run.id, event.currentTarget.checked)}
            />
            <span>
              {run.name} <span className={styles.help}>{formatDay(run.createdAt)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <div className={styles.category}>
        <LabeledText
          id="survey-category"
          label="Category of these prompts"
          value={category}
          maxLength={40}
          onChange={(value) => void changePack({ category: value })}
        />
      </div>
    </>
  );
}
