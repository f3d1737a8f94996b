/** What meters say of images, and whether they have anything new to say. */
import type { Measured, MetricRecord, PixelImage } from '../contract/events.ts';
import type { Meter } from './metric.ts';
import { withDerived } from './t2i/derived.ts';

/** All that the meters say of an image, by the names of their metrics. */
export async function measureImage(
  meters: readonly Meter[],
  image: PixelImage,
  prompt: string,
): Promise<MetricRecord> {
  const record: Record<string, Measured> = {};
  for (const meter of meters) {
    const measured = await meter.measure(image, prompt);
    if (measured !== null) record[meter.metric.name] = measured;
  }
  return withDerived(record, prompt);
}

/** True where the metric would ask the same again, or has nothing to say about the prompt. */
export async function isMeasured(meter: Meter, record: MetricRecord, prompt: string): Promise<boolean> {
  const asks = await meter.asks(prompt);
  if (asks === null) return true;
  const measured = record[meter.metric.name];
  if (measured === undefined) return false;
  // Runs of earlier versions did not keep what was asked: then nobody knows, and it is asked again.
  const asked = (measured.asked ?? []).map(({ question }) => question);
  return JSON.stringify(asked) === JSON.stringify(asks);
}
