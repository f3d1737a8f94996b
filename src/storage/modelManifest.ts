/** What is known of a stored model, in IndexedDB beside its files. */
import * as v from 'valibot';
import { HUB_NAMES, type ModelSource } from '../contract/modelSource.ts';
import { PREDICTIONS } from '../contract/spec.ts';
import { manifestEntries } from './manifest.ts';

const sourceSchema: v.GenericSchema<unknown, ModelSource> = v.variant('kind', [
  v.object({ kind: v.literal('catalog'), id: v.string() }),
  v.object({ kind: v.literal('metric'), id: v.string() }),
  v.object({
    kind: v.literal('hub'),
    hub: v.picklist(HUB_NAMES),
    repository: v.string(),
    revision: v.string(),
    path: v.string(),
  }),
  v.object({ kind: v.literal('url'), url: v.string() }),
]);

const fileSchema = v.object({
  path: v.string(),
  /** Null while a server has not told it. */
  sizeBytes: v.nullable(v.number()),
  /** Hash that the source gave, in hexadecimal; null where it gave none. */
  sha256: v.optional(v.nullable(v.string()), null),
  /** What the listing calls this content, such as git's object id; null where there is no listing. */
  version: v.optional(v.nullable(v.string()), null),
  /** ETag or date of what the bytes here were taken from: they may only be continued from the same. */
  validator: v.optional(v.nullable(v.string()), null),
});

export const modelSchema = v.object({
  ...manifestEntries,
  files: v.array(fileSchema),
  /** Paths of dropped files that were not needed. */
  skipped: v.array(v.string()),
  layout: v.optional(v.picklist(['diffusers', 'checkpoint', 'metric']), 'diffusers'),
  /** What a checkpoint's network predicts; null for folders, whose scheduler says so. */
  prediction: v.optional(v.nullable(v.picklist(PREDICTIONS)), null),
  /** True if nobody and nothing said so. */
  predictionGuessed: v.optional(v.boolean(), false),
  /** Where it was downloaded from; null for what was dropped. */
  source: v.optional(v.nullable(sourceSchema), null),
  /** The mirror that gave it, e.g. `huggingface.co/owner/name`. */
  place: v.optional(v.nullable(v.string()), null),
  license: v.optional(v.nullable(v.object({ name: v.string(), url: v.string(), summary: v.string() })), null),
});

export type StoredModel = Readonly<v.InferOutput<typeof modelSchema>>;
export type StoredModelFile = Readonly<v.InferOutput<typeof fileSchema>>;
