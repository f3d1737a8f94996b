/**
 * The address bar as a run's settings: `#v=1&page=settings&preset=paper&sampling.steps=30`. Only what differs from
 * the preset is written. Unknown keys and values out of range are ignored, so old and foreign links still open.
 * Prompts are not part of it: they may be long or private, and travel in run files.
 */
import * as v from 'valibot';
import { accepts, type FieldValue, parseFieldText } from '../../contract/field.ts';
import { presetSettings } from '../../contract/presets.ts';
import { backendSchema, presetSchema, seedSchema } from '../../contract/runSchema.ts';
import { acceptsValue, FIELD_PATHS, fieldOf, getField, setField } from '../../contract/settings.ts';
import type { MethodChoice, Settings } from '../../contract/spec.ts';
import { METHODS } from '../../methods/registry.ts';
import { changedPaths, type Draft, INITIAL_DRAFT, SHAPES_MODEL } from './settings.ts';

/** For the next run, and for all of them. */
export const GENERAL_PAGES = ['start', 'model', 'adapters', 'settings', 'storage', 'survey'] as const;
/** Stages of a run. */
export const STAGE_PAGES = ['build', 'select', 'agreement', 'train', 'compare', 'download'] as const;
export const PAGES = [...GENERAL_PAGES, ...STAGE_PAGES] as const;
export type PageName = (typeof PAGES)[number];
export type StagePage = (typeof STAGE_PAGES)[number];

export type Place = {
  readonly page: PageName;
  readonly runId: string | null;
  /** Path of an example prompt list, relative to the page. */
  readonly list: string | null;
  readonly draft: Draft;
};

const pageSchema = v.picklist(PAGES);
const runIdSchema = v.pipe(v.string(), v.regex(/^[\w.:-]{1,100}$/));
const listSchema = v.pipe(v.string(), v.regex(/^[\w-]+\.(txt|csv|jsonl)$/));
/** Before the identifier of a stored model, which other browsers have only if it is a known one. */
const LOCAL = 'stored:';
const localIdSchema = v.pipe(v.string(), v.regex(/^stored:[\w.-]{1,100}$/));
/** Names of metrics whose models come with the page or were downloaded. */
const metricsSchema = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9-]{1,40}(,[a-z0-9-]{1,40}){0,15}$/),
  v.transform((text) => [...new Set(text.split(','))]),
);
const webAddressSchema = v.pipe(v.string(), v.maxLength(2000), v.url(), v.regex(/^https?:/));

/** The part of the address after `#`. */
export function encodePlace({ page, runId, list, draft }: Place): string {
  const query = new URLSearchParams({ v: '1', page });
  if (runId !== null) query.set('run', runId);
  if (list !== null) query.set('list', list);
  query.set('preset', draft.base);
  for (const path of changedPaths(draft)) query.set(path, String(getField(draft.settings, path)));
  if (draft.seed !== INITIAL_DRAFT.seed) query.set('seed', String(draft.seed));
  if (draft.backend !== 'auto') query.set('backend', draft.backend);
  const metrics = draft.metrics.filter(({ model }) => model === null).map(({ name }) => name);
  if (metrics.length > 0) query.set('metrics', metrics.join(','));
  for (const key of METHOD_KEYS) {
    const choice = draft[key];
    if (choice === null) continue;
    query.set(key, choice.name);
    for (const [option, value] of Object.entries(choice.options))
      query.set(`${key}.${option}`, String(value));
  }
  if (draft.model.kind === 'local') query.set('model', LOCAL + draft.model.id);
  else if (draft.model.base !== SHAPES_MODEL.base) query.set('model', draft.model.base);
  return query.toString();
}

/** Reads an address; anything missing or unusable falls back to the initial draft. */
export function decodePlace(hash: string): Place {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const read = <T>(schema: v.GenericSchema<unknown, T>, value: unknown): T | null => {
    const result = v.safeParse(schema, value);
    return result.success ? result.output : null;
  };
  const base = read(presetSchema, query.get('preset')) ?? INITIAL_DRAFT.base;
  let settings: Settings = presetSettings(base);
  for (const path of FIELD_PATHS) {
    const text = query.get(path);
    if (text === null) continue;
    const value = parseFieldText(fieldOf(path), text);
    if (acceptsValue(path, value)) settings = setField(settings, path, value);
  }
  const address = read(webAddressSchema, query.get('model'));
  const localId = read(localIdSchema, query.get('model'))?.slice(LOCAL.length) ?? null;
  const seedText = query.get('seed');
  return {
    page: read(pageSchema, query.get('page')) ?? 'start',
    runId: read(runIdSchema, query.get('run')),
    list: read(listSchema, query.get('list')),
    draft: {
      base,
      settings,
      model:
        localId !== null
          ? { kind: 'local', id: localId }
          : address === null
            ? SHAPES_MODEL
            : { kind: 'url', base: address },
      seed: (seedText === null ? null : read(seedSchema, Number(seedText))) ?? INITIAL_DRAFT.seed,
      backend: read(backendSchema, query.get('backend')) ?? 'auto',
      realImages: null,
      method: readMethod(query, 'method'),
      drawnBy: readMethod(query, 'drawnBy'),
      metrics: (read(metricsSchema, query.get('metrics')) ?? []).map((name) => ({ name, model: null })),
      // Readings are of prompts, and links carry none.
      readings: {},
    },
  };
}

const METHOD_KEYS = ['method', 'drawnBy'] as const;

/** A method of the address with the options that it accepts; null where there is none of the name. */
function readMethod(query: URLSearchParams, key: (typeof METHOD_KEYS)[number]): MethodChoice | null {
  const method = METHODS.find(({ name }) => name === query.get(key));
  if (method === undefined || (key === 'drawnBy' && !method.draws)) return null;
  const options = method.options.flatMap((option): [string, FieldValue][] => {
    const text = query.get(`${key}.${option.key}`);
    const value = text === null ? undefined : parseFieldText(option, text);
    return accepts(option, value) ? [[option.key, value]] : [];
  });
  return { name: method.name, options: Object.fromEntries(options) };
}
