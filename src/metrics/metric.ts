/**
 * What a metric is: a value that says what the number means. Values are light, the page imports them; what measures
 * images lies beside them and is loaded where images are.
 */
import type { Measured, MetricRecord, PixelImage } from '../contract/events.ts';

export type Metric = {
  /** Stable: the key of its numbers in stored runs, reports and files. */
  readonly name: string;
  readonly title: string;
  /** On the edge of a picture. */
  readonly short: string;
  /** What the number means, in plain words. */
  readonly summary: string;
  /** When not to trust it. */
  readonly caution: string;
  readonly range: readonly [lowest: number, highest: number];
  readonly format: 'percent' | 'number';
  /** Further numbers of one image, by their key in `Measured.parts`; the first is the headline of a pool. */
  readonly parts: readonly { readonly key: string; readonly title: string }[];
};

/** Measures images as they are drawn. */
export type Meter = {
  readonly metric: Metric;
  /** Null where the metric has nothing to say about the prompt. */
  readonly measure: (image: PixelImage, prompt: string) => Measured | null;
};

/** All that the meters say of an image, by the names of their metrics. */
export function measureImage(meters: readonly Meter[], image: PixelImage, prompt: string): MetricRecord {
  return Object.fromEntries(
    meters.flatMap(({ metric, measure }) => {
      const measured = measure(image, prompt);
      return measured === null ? [] : [[metric.name, measured]];
    }),
  );
}
