/** Numbers that follow from other metrics of the same image. */
import type { MetricRecord } from '../../contract/events.ts';
import { askedPlaces } from '../spatial/promptObjects.ts';
import { threeInOneStyle } from '../threeInOneStyle.ts';
import { complexGroup } from './complexGroups.ts';
import { threeInOne } from './threeInOne.ts';

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
