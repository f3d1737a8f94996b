import { useMemo } from 'react';
import { useMemoryNeeds } from '../../../state/model/loadPlans.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { type Forecast, forecast } from '../../../state/setup/forecast.ts';
import { promptTexts, usePrompts } from '../../../state/setup/prompts.ts';
import { methodsOf, useSettings } from '../../../state/setup/settings.ts';
import { estimateTime, type TimeEstimate } from '../../../state/setup/timeEstimate.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatLarge,
  formatPercent,
  formatPlural,
} from '../../format.ts';
import { ForecastRow as Row } from './ForecastRow.tsx';
import { MemoryRow } from './MemoryRow.tsx';
import styles from './StartPage.module.css';

const TIME_WORDS: Readonly<Record<TimeEstimate['basis'], string>> = {
  measured: 'by images drawn here with this model before',
  timed:
    'estimated from the speed of the kernels on this machine, as a rule within a quarter; the first images will tell better',
};

/** What the run will draw, evaluate, train on and store, and how long that takes here. */
export function ForecastTable() {
  const list = usePrompts((state) => state.list);
  const settings = useSettings((state) => state.settings);
  const model = useEngine((state) => state.model);
  const method = useSettings((state) => state.method);
  const drawnBy = useSettings((state) => state.drawnBy);
  const methods = useMemo(() => methodsOf({ method, drawnBy }), [method, drawnBy]);
  const metrics = useSettings((state) => state.metrics);
  const hasMeters = metrics.length > 0 || model?.shapesWorld === true;
  const cost = useMemo(
    () => forecast(settings, promptTexts(list), model?.imageSize ?? null, { methods, hasMeters }),
    [settings, list, model, methods, hasMeters],
  );
  const time = useTime(cost, { ...methods, rounds: settings.selection.rounds });
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
        how={`${
          cost.perImage === sampling.steps * 2
            ? `${formatCount(cost.images)} images × ${sampling.steps} steps × 2`
            : `${formatCount(cost.images)} images × at most ${formatCount(cost.perImage)}`
        }${cost.savedShare === 0 ? '' : `; early stopping saves ${formatPercent(cost.savedShare)} of drawing`}`}
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
      {cost.judgingEvaluations + cost.redrawnEvaluations === 0 ? null : (
        <Row
          label="Evaluation"
          value={`${formatLarge(cost.judgingEvaluations + cost.redrawnEvaluations)} evaluations`}
          how={
            cost.trainingEvaluations === 0
              ? 'The same images by guidance alone'
              : 'Held-out prompts before, during and after training, and previews'
          }
        />
      )}
      <Row
        label="Time"
        value={
          time === null || cost.prompts === 0
            ? '–'
            : `about ${formatDuration(time.drawing + time.training + time.evaluation)}`
        }
        how={
          cost.prompts === 0
            ? 'Known once there are prompts'
            : time === null
              ? `${formatLarge(cost.evaluations)} network evaluations`
              : `${partsInWords(time)}; ${TIME_WORDS[time.basis]}`
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

/** Null while the plans are being made. A model that is not loaded yet has plans too; it is large, and drawn by one worker. */
function useTime(cost: Forecast, run: Parameters<typeof estimateTime>[2]): TimeEstimate | null {
  const { generate, train } = useMemoryNeeds();
  const { status, model: loaded, backend } = useEngine();
  if (generate === null || train === null || backend === null) return null;
  const { settings } = generate;
  const large = { name: generate.model, imageSize: settings.size, sizeBytes: Number.POSITIVE_INFINITY };
  const model = status === 'waiting' ? large : loaded;
  if (model === null) return null;
  return estimateTime(cost, { generate, train }, run, { store: localStorage, model, backend });
}

function partsInWords({ drawing, training, evaluation }: TimeEstimate): string {
  const parts = [`Drawing ${formatDuration(drawing)}`];
  if (training > 0) parts.push(`training ${formatDuration(training)}`);
  if (evaluation > 0) parts.push(`evaluation ${formatDuration(evaluation)}`);
  return parts.join(', ');
}
