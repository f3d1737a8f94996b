/** What meters say of images, what follows from that, and whether they have anything new to say. */
import type { Measured, MetricRecord, PixelImage } from '../contract/events.ts';
import type { Meter } from './metric.ts';
import { askedPlaces } from './spatial/promptObjects.ts';
import { complexGroup, threeInOne } from './t2i/complexPrompts.ts';
import { threeInOneStyle } from './t2iMetrics.ts';

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

/** The part of CLIPScore that 3-in-1 takes: the prompt without its adjectives. */
export const BARE = 'withoutAdjectives';

/** The record with 3-in-1 where all that it is made of is there; a prompt that names no place has a spatial score of 0. */
export async function withDerived(record: MetricRecord, prompt: string): Promise<MetricRecord> {
  const group = complexGroup(prompt);
  const blipVqa = (record['blip-vqa'] ?? record['blip-vqa-384'])?.value;
  const clip = record.clip?.parts?.[BARE];
  if (group === null || blipVqa === undefined || clip === undefined) return record;
  const isPlaced = group !== 'action' && (await askedPlaces(prompt)) !== null;
  const unidet = isPlaced ? record['unidet-style']?.value : 0;
  if (unidet === undefined) return record;
  return { ...record, [threeInOneStyle.name]: { value: threeInOne({ blipVqa, unidet, clip }, group) } };
}
