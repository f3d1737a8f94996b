/** How numbers of metrics are said on the page; those of metrics that this version does not know stay in the files. */
import type { Asked, CandidateRecord, MetricRecord } from '../contract/events.ts';
import { mean } from '../lib/stats.ts';
import type { Metric } from '../metrics/metric.ts';
import { METRICS } from '../metrics/registry.ts';
import { formatNumber, formatPercent } from './format.ts';

/** Whether any metric that this version knows has a number for the candidate. */
export function isMeasured({ metrics }: CandidateRecord): boolean {
  return METRICS.some(({ name }) => name in metrics);
}

export function formatMetric({ format }: Metric, value: number): string {
  return format === 'percent' ? formatPercent(value) : formatNumber(value, 3);
}

type Shown = {
  readonly metric: Metric;
  /** As the page prints it. */
  readonly text: string;
  /** What it asked of the picture, with the answers. */
  readonly asked: readonly Asked[];
  /** True where nothing more could be wished for. */
  readonly full: boolean;
};

/** What is shown of one image. */
export function shownMetrics(record: MetricRecord): readonly Shown[] {
  return METRICS.flatMap((metric) => {
    const measured = record[metric.name];
    if (measured === undefined) return [];
    const { value, asked = [] } = measured;
    return [{ metric, text: formatMetric(metric, value), asked, full: value >= metric.range[1] }];
  });
}

/** One number for many images: the mean of the metric's first part, or of the metric itself. */
export function headlines(
  records: readonly MetricRecord[],
): readonly { readonly metric: Metric; readonly title: string; readonly value: number }[] {
  return METRICS.flatMap((metric) => {
    const measured = records.flatMap((record) => record[metric.name] ?? []);
    if (measured.length === 0) return [];
    const part = metric.parts[0];
    const values = measured.map((m) => (part === undefined ? m.value : (m.parts?.[part.key] ?? Number.NaN)));
    return [{ metric, title: part?.title ?? metric.title, value: mean(values) }];
  });
}
