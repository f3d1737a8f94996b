/**
 * The LoraConfig of peft: in an adapter's header under `lora_adapter_metadata` (diffusers 0.35 on), or in the
 * `adapter_config.json` beside peft's `adapter_model.safetensors`.
 */

import * as v from 'valibot';
import { StudioError } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { patternMatcher } from './modulePattern.ts';
import type { LowRankUpdate, PlainLayer } from './plain.ts';

const COMPONENTS = ['unet', 'text_encoder'] as const;

type RankedLayer = Pick<PlainLayer, 'module'> & { readonly update: Pick<LowRankUpdate, 'rank'> };

/**
 * JSON of the LoraConfig fields per component, keys prefixed and sorted as diffusers writes them. Only the fields that
 * every peft knows: diffusers hands them all to LoraConfig, which refuses a name that it does not have.
 *
 * @param layers as written, with alpha = rank in each
 */
export function loraMetadata(layers: readonly RankedLayer[], dora: boolean): string {
  const fields = COMPONENTS.flatMap((component) => {
    const own = layers.filter((layer) => layer.module.startsWith(`${component}.`));
    if (own.length === 0) return [];
    const paths = own.map((layer) => layer.module.slice(component.length + 1));
    const ranks = own.map((layer) => layer.update.rank);
    const usual = mostFrequent(ranks);
    const pattern = Object.fromEntries(
      paths.flatMap((path, i) => (ranks[i] === usual ? [] : [[path, ranks[i]]])),
    );
    const config = {
      alpha_pattern: pattern,
      lora_alpha: usual,
      lora_dropout: 0,
      r: usual,
      rank_pattern: pattern,
      target_modules: targetModules(paths),
      use_dora: dora,
      use_rslora: false,
    };
    return Object.entries(config).map(([key, value]) => [`${component}.${key}`, value] as const);
  });
  return JSON.stringify(Object.fromEntries(fields), null, 2);
}

/** What the projections of attention are called. peft adapts every module whose path ends so. */
const PROJECTIONS = /(?:^|\.)(to_q|to_k|to_v|to_out\.0|q_proj|k_proj|v_proj|out_proj)$/;

/** Short names where only attention is adapted, else whole paths: endings of other layers are not their own. */
function targetModules(paths: readonly string[]): readonly string[] {
  const short = paths.map((path) => PROJECTIONS.exec(path)?.[1]);
  return short.includes(undefined) ? paths : [...new Set(short as string[])];
}

function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}

const count = v.pipe(v.number(), v.finite());
const patterns = v.optional(v.nullable(v.record(v.string(), count)), {});
const configSchema = v.object({
  lora_alpha: v.optional(v.nullable(count)),
  alpha_pattern: patterns,
  rank_pattern: patterns,
  use_rslora: v.optional(v.nullable(v.boolean())),
});

/** What a LoraConfig says about modules, and which of its patterns were of no use. */
export type LoraConfig = {
  /**
   * alpha of a module: by its `alpha_pattern`, else `lora_alpha`, else the rank. rsLoRA's alpha / sqrt(rank) is expressed
   * as the alpha that gives the same factor over rank.
   * @param module with component, e.g. `unet.mid_block...to_k`
   * @param rank of its tensors
   * @throws StudioError `adapter-config-invalid` where `rank_pattern` contradicts the tensors
   */
  alphaOf(module: string, rank: number): number;
  /** Patterns that fitted no module so far. */
  unmatched(): readonly string[];
};

/**
 * @param text JSON of the header's entry or of adapter_config.json
 * @param where what messages call it
 * @throws StudioError `adapter-config-invalid`
 */
export function readLoraConfig(text: string, where: string): LoraConfig {
  const json = parseJson(text, (cause) => invalid(where, 'it is not JSON', cause));
  const table = v.safeParse(v.record(v.string(), v.unknown()), json);
  if (!table.success || Array.isArray(json)) throw invalid(where, 'it is not a table of settings');
  const byComponent = new Map<string, ReturnType<typeof componentConfig>>();
  const configOf = (component: string) => {
    const known = byComponent.get(component) ?? componentConfig(table.output, component, where);
    byComponent.set(component, known);
    return known;
  };
  return {
    alphaOf: (module, rank) => {
      const component = module.slice(0, module.indexOf('.'));
      const path = module.slice(component.length + 1);
      const { lora_alpha, use_rslora, alphaPatterns, rankPatterns } = configOf(component);
      const stated = rankPatterns.find(path);
      if (stated !== undefined && stated !== rank)
        throw invalid(where, `its rank_pattern gives ${module} rank ${stated}, the file has rank ${rank}`);
      const alpha = alphaPatterns.find(path) ?? lora_alpha ?? null;
      if (alpha === null) return rank;
      return use_rslora === true ? alpha * Math.sqrt(rank) : alpha;
    },
    unmatched: () =>
      [...byComponent.values()].flatMap((c) => [...c.alphaPatterns.unused(), ...c.rankPatterns.unused()]),
  };
}

/** Keys carry the component where one header speaks of several. */
function componentConfig(table: Readonly<Record<string, unknown>>, component: string, where: string) {
  const read = (key: string): unknown => table[`${component}.${key}`] ?? table[key];
  const entries = Object.keys(configSchema.entries).map((key) => [key, read(key)]);
  const parsed = v.safeParse(configSchema, Object.fromEntries(entries));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw invalid(where, `${v.getDotPath(issue) ?? 'an entry'}: ${issue.message}`);
  }
  const { alpha_pattern, rank_pattern, ...rest } = parsed.output;
  return {
    ...rest,
    alphaPatterns: matchers('alpha_pattern', alpha_pattern ?? {}, where),
    rankPatterns: matchers('rank_pattern', rank_pattern ?? {}, where),
  };
}

/** The first pattern that fits decides, as in peft. */
function matchers(field: string, table: Readonly<Record<string, number>>, where: string) {
  const unused = new Set(Object.keys(table).map((pattern) => `${field} ${pattern}`));
  const list = Object.entries(table).map(([pattern, value]) => {
    const matches = patternMatcher(pattern);
    if (matches === null) throw invalid(where, `${field} has a pattern that is not supported: ${pattern}`);
    return { pattern, matches, value };
  });
  return {
    find: (path: string): number | undefined => {
      const found = list.find(({ matches }) => matches(path));
      if (found !== undefined) unused.delete(`${field} ${found.pattern}`);
      return found?.value;
    },
    unused: (): readonly string[] => [...unused],
  };
}

function invalid(where: string, problem: string, cause?: unknown): StudioError {
  return new StudioError('adapter-config-invalid', `The settings in ${where} cannot be used: ${problem}.`, {
    where,
    remedy: 'Use the adapter_config.json that belongs to the adapter, or leave it out.',
    cause,
  });
}
