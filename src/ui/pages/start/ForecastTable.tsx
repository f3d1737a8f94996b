import { useMemo } from 'react';
import { useEngine } from '../../../state/engine.ts';
import { forecast } from '../../../state/forecast.ts';
import { promptTexts, usePrompts } from '../../../state/prompts.ts';
import { useSettings } from '../../../state/settings.ts';
import { readSpeed } from '../../../state/speed.ts';
import { formatBytes, formatCount, formatDuration, formatLarge, formatPlural } from '../../format.ts';
import styles from './ForecastTable.module.css';

/** What the run will draw, evaluate, train on and store, and how long that takes at the speed measured here. */
export function ForecastTable() {
  const list = usePrompts((state) => state.list);
  const settings = useSettings((state) => state.settings);
  const model = useEngine((state) => state.model);
  const backend = useEngine((state) => state.backend?.name ?? null);
  const cost = useMemo(
    () => forecast(settings, promptTexts(list), model?.imageSize ?? null),
    [settings, list, model],
  );
  const speed = model === null || backend === null ? null : readSpeed(localStorage, model.name, backend);
  const { sampling, selection, training } = settings;
  const rounds = selection.rounds > 1 ? `, ${selection.rounds} rounds` : '';
  return (
    <dl className={styles.table}>
      <Row
        label="Candidates"
        value={formatPlural(cost.images * selection.rounds, 'image')}
        how={`${formatPlural(cost.prompts, 'prompt')} × ${selection.candidates}${rounds}; ${formatCount(cost.heldOut)} held out`}
      />
      <Row
        label="Drawing"
        value={`${formatLarge(cost.samplingEvaluations)} evaluations`}
        how={`${formatCount(cost.images)} images × ${sampling.steps} steps × 2`}
      />
      {cost.scoringEvaluations === 0 ? null : (
        <Row
          label="Scoring"
          value={`${formatLarge(cost.scoringEvaluations)} evaluations`}
          how={`${formatPlural(settings.score.noiseDraws, 'noise draw')} per step, with and without the prompt`}
        />
      )}
      <Row
        label="Training"
        value={`${formatLarge(cost.trainingEvaluations)} evaluations`}
        how={`${formatCount(training.iterations)} steps × ${training.batch * training.accumulation} images × 3${rounds}`}
      />
      <Row
        label="In all"
        value={
          speed === null
            ? `${formatLarge(cost.evaluations)} evaluations`
            : `about ${formatDuration(cost.evaluations * speed)}`
        }
        how={
          speed === null
            ? `Network evaluations of one image; stores ${formatBytes(cost.storedBytes)}`
            : `${formatLarge(cost.evaluations)} evaluations at the speed of your last run; stores ${formatBytes(cost.storedBytes)}`
        }
      />
    </dl>
  );
}

function Row({
  label,
  value,
  how,
}: {
  readonly label: string;
  readonly value: string;
  readonly how: string;
}) {
  return (
    <div className={styles.row}>
      <dt className={styles.label}>{label}</dt>
      <dd className={styles.value}>{value}</dd>
      <dd className={styles.how}>{how}</dd>
    </div>
  );
}
