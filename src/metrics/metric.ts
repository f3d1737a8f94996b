/**
 * What a metric is: a value that says what the number means. Values are light, the page imports them; what measures
 * images lies beside them and is loaded where images are.
 */
import type { Measured, PixelImage } from '../contract/events.ts';

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
  /** Names of the metrics that it follows from; absent where it is measured. */
  readonly madeOf?: readonly string[];
  /** Further numbers of one image, by their key in `Measured.parts`; the first is the headline of a pool. */
  readonly parts: readonly { readonly key: string; readonly title: string }[];
};

export type MetricNetwork = {
  /** Its entry among the models of metrics (`sources/metricModels.ts`). */
  readonly model: string;
  /** Whose preparation of pictures it takes. */
  readonly pixels: 'clip-torchvision' | 'clip-transformers' | 'hps' | 'blip' | 'owlvit';
};

/** Measures images. */
export type Meter = {
  readonly metric: Metric;
  /** Reads what is needed of prompts ahead of their images, so that a network of texts may leave again. */
  prepare(prompts: readonly string[]): Promise<void>;
  /** What it asks about pictures of a prompt, nothing where it asks nothing; null where it has nothing to say at all. */
  asks(prompt: string): Promise<readonly string[] | null>;
  /** Null where the metric has nothing to say about the prompt. */
  measure(image: PixelImage, prompt: string): Promise<Measured | null>;
  /** Lets its matrices leave the device until it is asked again. */
  rest(): void;
  /** Frees networks; one that is asked again afterwards fails. */
  dispose(): void;
};
