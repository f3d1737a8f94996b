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
  /** The network that it runs; null for rules on pixels alone. */
  readonly network: MetricNetwork | null;
  /** Further numbers of one image, by their key in `Measured.parts`; the first is the headline of a pool. */
  readonly parts: readonly { readonly key: string; readonly title: string }[];
};

export type MetricNetwork = {
  /** Its entry among the models of metrics (`sources/metricModels.ts`). */
  readonly model: string;
  /** Whose preparation of pictures it takes. */
  readonly pixels: 'clip-torchvision' | 'clip-transformers' | 'hps' | 'blip';
};

/** One number for an image, with what was asked about it where the metric asks. */
export type Reading = Measured & {
  readonly asked?: readonly { readonly question: string; readonly probability: number }[];
};

/** Measures images. */
export type Meter = {
  readonly metric: Metric;
  /** Reads what is needed of prompts ahead of their images, so that a network of texts may leave again. */
  prepare(prompts: readonly string[]): Promise<void>;
  /** Null where the metric has nothing to say about the prompt. */
  measure(image: PixelImage, prompt: string): Promise<Reading | null>;
  /** Frees networks; one that is asked again afterwards fails. */
  dispose(): void;
};

/** All that the meters say of an image, by the names of their metrics. */
export async function measureImage(
  meters: readonly Meter[],
  image: PixelImage,
  prompt: string,
): Promise<MetricRecord> {
  const record: Record<string, Measured> = {};
  for (const meter of meters) {
    const reading = await meter.measure(image, prompt);
    if (reading === null) continue;
    const { value, parts } = reading;
    record[meter.metric.name] = parts === undefined ? { value } : { value, parts };
  }
  return record;
}
