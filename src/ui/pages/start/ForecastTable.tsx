import { useMemo } from 'react';
import { useEngine } from '../../../state/page/engine.ts';
import { forecast } from '../../../state/setup/forecast.ts';
import { promptTexts, usePrompts } from '../../../state/setup/prompts.ts';
import { methodsOf, useSettings } from '../../../state/setup/settings.ts';
import { coresOf, estimateTime, secondsOf, type TimeEstimate } from '../../../state/setup/timeEstimate.ts';
import { formatBytes, formatCount, formatDuration, formatLarge, formatPlural } from '../../format.ts';
import { ForecastRow as Row } from './ForecastRow.tsx';
import { MemoryRow } from './MemoryRow.tsx';
import styles from './StartPage.module.css';

const TIME_WORDS: Readonly<Record<TimeEstimate['basis'], string>> = {
  measured: 'at the speed measured here with this model',
  scaled: 'scaled from the shapes model on this machine; the first images will tell better',
  assumed: 'for an average machine; the first images will tell',
};

/** What the run will draw, evaluate, train on and store, and how long that takes here. */
export function ForecastTable() {
  const list = usePrompts((state) => state.list);
  const settings = useSettings((state) => state.settings);
  const model = useEngine((state) => state.model);
  const backend = useEngine((state) => state.backend);
  const method = useSettings((state) => state.method);
  const drawnBy = useSettings((state) => state.drawnBy);
  const methods = useMemo(() => methodsOf({ method, drawnBy }), [method, drawnBy]);
  const cost = useMemo(
    () => forecast(settings, promptTexts(list), model?.imageSize ?? null, methods),
    [settings, list, model, methods],
  );
  const size = settings.sampling.size ?? model?.imageSize ?? 0;
  const time = model === null || backend === null ? null : estimateTime(localStorage, model, backend, size);
  const cores = model === null || backend === null ? 1 : coresOf(methods, model, backend);
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
        how={
          cost.perImage === sampling.steps * 2
            ? `${formatCount(cost.images)} images × ${sampling.steps} steps × 2`
            : `${formatCount(cost.images)} images × at most ${formatCount(cost.perImage)}`
        }
      />
      {cost.scoringEvaluations === 0 ? null : (
        <Row
          label="Scoring"
          value={`${formatLarge(cost.scoringEvaluations)} evaluations`}
          how={`${formatPlural(settings.score.noiseDraws, 'noise draw')} per step, with and without the prompt`}
        />
      )}
      {cost.trainingEvaluations === 0 ? null : (
        <Row
          label="Training"
          value={`${formatLarge(cost.trainingEvaluations)} evaluations`}
          how={`${formatCount(training.iterations)} steps × ${training.batch * training.accumulation} images × ${formatCount(cost.perUpdate / (training.batch * training.accumulation))}${rounds}`}
        />
      )}
      <Row
        label="Time"
        value={
          time === null || cost.prompts === 0 ? '–' : `about ${formatDuration(secondsOf(cost, time, cores))}`
        }
        how={
          cost.prompts === 0
            ? 'Known once there are prompts'
            : `${formatLarge(cost.evaluations)} network evaluations${time === null ? '' : `, ${TIME_WORDS[time.basis]}`}`
        }
      />
      <MemoryRow />
      <Row
        label="Disk"
        value={formatBytes(cost.storedBytes)}
        how="Latents and scores of every image; checkpoints come on top"
      />
    </dl>
  );
}
