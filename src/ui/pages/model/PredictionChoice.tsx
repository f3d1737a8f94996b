import type { StoredItem } from '../../../contract/stored.ts';
import { correctPrediction } from '../../../state/model/modelChoice.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { Choice } from '../../primitives/Choice.tsx';
import { PREDICTION_OPTIONS } from '../../words.ts';
import styles from './ModelList.module.css';

type PredictionChoiceProps = {
  readonly id: string;
  readonly name: string;
  readonly prediction: NonNullable<StoredItem['prediction']>;
};

/** What a single-file checkpoint predicts, which its weights do not tell: a wrong guess draws nothing but noise. */
export function PredictionChoice({ id, name, prediction }: PredictionChoiceProps) {
  const busy = useRuns((state) => state.activity !== 'idle');
  const loading = useEngine((state) => state.status === 'loading' || state.status === 'opening');
  return (
    <div className={styles.prediction} data-guessed={prediction.guessed}>
      <span>Predicts</span>
      <Choice
        label={`What ${name} predicts`}
        value={prediction.value}
        options={PREDICTION_OPTIONS}
        disabled={busy || loading}
        onChange={(value) => void correctPrediction(id, value)}
      />
      <p className={styles.place}>
        {prediction.guessed
          ? 'A guess: nothing in the file tells. If it draws only noise, choose the other one.'
          : 'As the file, its name or you said.'}
      </p>
    </div>
  );
}
