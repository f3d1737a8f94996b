/** The LoraConfig that diffusers (0.35 on) keeps in an adapter's header under `lora_adapter_metadata`. */
import * as v from 'valibot';
import type { Adapter } from './adapter.ts';

const COMPONENTS = ['unet', 'text_encoder'] as const;

/** JSON of the LoraConfig fields per component, keys prefixed and sorted as diffusers writes them. */
export function loraMetadata(adapter: Adapter): string {
  const fields = COMPONENTS.flatMap((component) => {
    const modules = adapter.layers.map((l) => l.module).filter((m) => m.startsWith(`${component}.`));
    if (modules.length === 0) return [];
    const targets = [...new Set(modules.map((m) => /(to_out\.0|[^.]+)$/.exec(m)?.[0] as string))];
    const config = {
      alpha_pattern: {},
      auto_mapping: null,
      base_model_name_or_path: null,
      bias: 'none',
      corda_config: null,
      eva_config: null,
      exclude_modules: null,
      fan_in_fan_out: false,
      inference_mode: false,
      init_lora_weights: 'gaussian',
      layer_replication: null,
      layers_pattern: null,
      layers_to_transform: null,
      loftq_config: {},
      lora_alpha: adapter.rank,
      lora_bias: false,
      lora_dropout: 0,
      megatron_config: null,
      megatron_core: 'megatron.core',
      modules_to_save: null,
      peft_type: 'LORA',
      qalora_group_size: 16,
      r: adapter.rank,
      rank_pattern: {},
      revision: null,
      target_modules: targets,
      target_parameters: null,
      task_type: null,
      trainable_token_indices: null,
      use_dora: adapter.kind === 'dora',
      use_qalora: false,
      use_rslora: false,
    };
    return Object.entries(config).map(([key, value]) => [`${component}.${key}`, value] as const);
  });
  return JSON.stringify(Object.fromEntries(fields), null, 2);
}

const schema = v.record(v.string(), v.unknown());

/**
 * alpha of a module by the header: its `alpha_pattern`, else `lora_alpha`; without metadata loaders take the rank.
 * @param module path with component, e.g. `unet.mid_block...to_k`
 */
export function alphaOf(metadata: Readonly<Record<string, string>>, module: string, rank: number): number {
  const text = metadata.lora_adapter_metadata;
  if (text === undefined) return rank;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return rank;
  }
  const parsed = v.safeParse(schema, json);
  if (!parsed.success) return rank;
  const component = module.slice(0, module.indexOf('.'));
  const path = module.slice(component.length + 1);
  const read = (key: string): unknown => parsed.output[`${component}.${key}`] ?? parsed.output[key];
  const patterns = v.safeParse(v.record(v.string(), v.number()), read('alpha_pattern'));
  const pattern = patterns.success
    ? Object.entries(patterns.output).find(([key]) => path.endsWith(key))
    : undefined;
  const alpha = pattern?.[1] ?? read('lora_alpha');
  const rslora = read('use_rslora') === true;
  // rsLoRA scales by alpha / sqrt(rank); expressed as the alpha that gives the same factor over rank.
  return typeof alpha === 'number' ? (rslora ? alpha * Math.sqrt(rank) : alpha) : rank;
}
