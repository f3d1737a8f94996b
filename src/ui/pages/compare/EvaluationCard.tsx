import type { EvaluationRecord, Interval, MetricChange } from '../../../contract/events.ts';
import type { Metric } from '../../../metrics/metric.ts';
import { METRICS } from '../../../metrics/registry.ts';
import { formatChange, formatNumber } from '../../format.ts';
import { formatMetric } from '../../metrics.ts';
import styles from './EvaluationCard.module.css';
import { HeldOutPictures } from './HeldOutPictures.tsx';
import { IntervalPlot, verdictOf } from './IntervalPlot.tsx';
import { verdictSentence } from './verdict.ts';

type EvaluationCardProps = {
  readonly runId: string;
  readonly record: EvaluationRecord;
  readonly rounds: number;
};

/** What training changed on held-out prompts: a sentence, the pictures, and each measure with a 95% interval. */
export function EvaluationCard({ runId, record, rounds }: EvaluationCardProps) {
  const { errorFall, mi, metrics } = record;
  return (
    <section className={styles.card} aria-label="Measured change">
      <h2>
        {errorFall === null
          ? 'The same seeds, without and with the method'
          : 'Held-out prompts, before and after'}
        {rounds > 1 ? `, round ${record.round + 1}` : ''}
      </h2>
      <p className={styles.sentence}>{verdictSentence(record)}</p>
      {METRICS.filter(({ name }) => name in metrics).map(({ name, title, summary }) => (
        <p key={name} className={styles.detail}>
          {title}: {summary}
        </p>
      ))}
      {Object.keys(metrics).length === 0 || record.round + 1 < rounds ? null : (
        <HeldOutPictures runId={runId} record={record} />
      )}
      <div className={styles.head} aria-hidden="true">
        <span />
        <span>Before to after</span>
        <span>Change, with 95% interval</span>
        <span />
      </div>
      {errorFall === null ? null : (
        <Measure
          title="Noise-prediction error"
          detail="on selected images"
          values="its fall: more is better"
          change={errorFall}
        />
      )}
      <Measure
        title="MI"
        detail={errorFall === null ? 'along the sampling path' : 'noised again, same draws'}
        values={`${formatNumber(mi.before)} to ${formatNumber(mi.after)}`}
        change={mi.change}
        words={AMOUNT}
      />
      {METRICS.flatMap((metric) => {
        const measured = metrics[metric.name];
        if (measured === undefined) return [];
        return (
          <Measure
            key={metric.name}
            title={metric.title}
            detail={`mean of ${measured.after.images} fresh images`}
            values={sayMetric(metric, measured)}
            change={measured.change}
          />
        );
      })}
      <p className={styles.foot}>
        {errorFall === null
          ? 'Guidance alone before, the method after. Intervals are over pictures.'
          : `Adapter of step ${record.adapterStep}. The first two intervals are over noise draws: they speak about these images, not about all.`}
      </p>
    </section>
  );
}

/** The metric before and after, and each of its parts. */
function sayMetric(metric: Metric, { before, after }: MetricChange): string {
  const values = `${formatMetric(metric, before.value)} to ${formatMetric(metric, after.value)}`;
  const parts = metric.parts.map(({ key, title }) => {
    const [b, a] = [before.parts?.[key] ?? Number.NaN, after.parts?.[key] ?? Number.NaN];
    return `${title.toLowerCase()} ${formatMetric(metric, b)} to ${formatMetric(metric, a)}`;
  });
  return [values, ...parts].join('; ');
}

type MeasureProps = {
  readonly title: string;
  readonly detail: string;
  readonly values: string;
  readonly change: Interval;
  readonly words?: Words;
};

function Measure({ title, detail, values, change, words = QUALITY }: MeasureProps) {
  return (
    <div className={styles.row}>
      <div>
        <h3>{title}</h3>
        <p className={styles.detail}>{detail}</p>
      </div>
      <p className={styles.values}>{values}</p>
      <IntervalPlot interval={change} label={`${title}: ${describe(change)}`} />
      <p className={styles.change}>
        <strong>{formatChange(change.mean)}</strong>
        <span className={styles.detail}>
          {formatChange(change.low)} to {formatChange(change.high)}
        </span>
        <span className={styles.verdict} data-verdict={verdictOf(change)}>
          {sayVerdict(change, words)}
        </span>
      </p>
    </div>
  );
}

type Words = { readonly better: string; readonly worse: string };

const QUALITY: Words = { better: 'Better', worse: 'Worse' };
/** More MI is a change in what the model measures, not yet a better image. */
const AMOUNT: Words = { better: 'Higher', worse: 'Lower' };

function sayVerdict(change: Interval, words: Words): string {
  if (change.low === 0 && change.high === 0) return 'No change';
  const found = verdictOf(change);
  return found === 'open' ? 'Not settled: the interval includes zero' : words[found];
}

function describe({ mean, low, high }: Interval): string {
  return `${formatChange(mean)}, 95% interval from ${formatChange(low)} to ${formatChange(high)}`;
}
