/**
 * Names of adapter tensors in files, to and from the model's own module names.
 *
 * A module is named with its component, as in `unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k` or
 * `text_encoder.text_model.encoder.layers.0.self_attn.q_proj`.
 *
 * | format    | written by                     | example after the module                                  |
 * |-----------|--------------------------------|-----------------------------------------------------------|
 * | diffusers | `save_lora_weights`, UNet      | `.lora.down.weight`, `.lora_magnitude_vector`             |
 * |           | the same, text encoder         | `.lora_linear_layer.down.weight`                          |
 * | peft      | peft, `unet.save_attn_procs`   | `.lora_A.weight`, `.lora_magnitude_vector`                |
 * | kohya     | sd-scripts, LyCORIS, OneTrainer| `lora_unet_` + underscores: `.lora_down.weight`, `.alpha` |
 *
 * The first two hold no alpha: loaders take alpha = rank unless the file's metadata say otherwise.
 * Sources: diffusers 0.35, utils/state_dict_utils.py (PEFT_TO_DIFFUSERS and its neighbors); sd-scripts, networks/lora.py;
 * LyCORIS, modules/locon.py and full.py.
 */

/**
 * `down` is A [rank, in], `up` is B [out, rank], `mid` the kernel between them in a decomposed convolution [rank, rank,
 * kh, kw], `magnitude` DoRA's m, `alpha` a scalar, `difference` a whole W' - W.
 */
export type AdapterPart = 'down' | 'up' | 'mid' | 'magnitude' | 'alpha' | 'difference';
export type AdapterFormat = 'diffusers' | 'peft' | 'kohya';

type AdapterKey = {
  readonly module: string;
  readonly part: AdapterPart;
  readonly format: AdapterFormat;
};

const COMPONENTS = ['unet', 'text_encoder'] as const;
const KOHYA_PREFIX = { unet: 'lora_unet_', text_encoder: 'lora_te_' } as const;
/** Prefixes of kohya's names that are read beside those: with two text encoders the first is called te1. */
const OTHER_KOHYA_PREFIXES = [
  ['lora_te1_', KOHYA_PREFIX.text_encoder],
  ['lycoris_', KOHYA_PREFIX.unet],
] as const;

const DIFFUSERS_SUFFIX = {
  unet: {
    down: '.lora.down.weight',
    up: '.lora.up.weight',
    magnitude: '.lora_magnitude_vector',
  },
  text_encoder: {
    down: '.lora_linear_layer.down.weight',
    up: '.lora_linear_layer.up.weight',
    magnitude: '.lora_magnitude_vector',
  },
} as const;

const PEFT_SUFFIX = {
  down: '.lora_A.weight',
  up: '.lora_B.weight',
  magnitude: '.lora_magnitude_vector',
} as const;

const KOHYA_SUFFIX = {
  down: '.lora_down.weight',
  up: '.lora_up.weight',
  mid: '.lora_mid.weight',
  magnitude: '.dora_scale',
  alpha: '.alpha',
  difference: '.diff',
} as const;

/** The key in `pytorch_lora_weights.safetensors` as the training scripts of diffusers write it. */
export function toDiffusersKey(module: string, part: keyof typeof PEFT_SUFFIX): string {
  return module + DIFFUSERS_SUFFIX[split(module).component][part];
}

/** The key in peft's `adapter_model.safetensors`; it belongs to one component, which it does not name. */
export function toPeftKey(module: string, part: keyof typeof PEFT_SUFFIX): string {
  return split(module).path + PEFT_SUFFIX[part];
}

/** The key of sd-scripts. `dora_scale` of a magnitude must be stored as [out, 1] to mean rows of the weight. */
export function toKohyaKey(module: string, part: AdapterPart): string {
  return kohyaStem(module) + KOHYA_SUFFIX[part];
}

/**
 * Which tensor of which module a key means; undefined for a key that fits no module of the model.
 *
 * Reads all formats above, and within them: the prefix `base_model.model.`, an adapter called `default`, the
 * attention processors of older diffusers (`attn1.processor.to_q_lora`, `self_attn.to_q_lora`), keys without a
 * component, which are looked for in the UNet first, kohya's `lora_te1_`, and its endings after names with dots.
 *
 * @param modules every module of the model that an adapter can sit on
 */
export function parseAdapterKey(key: string, modules: ReadonlySet<string>): AdapterKey | undefined {
  for (const { pattern, part, format } of SUFFIXES) {
    const suffix = pattern.exec(key);
    if (!suffix) continue;
    const stem = key.slice(0, suffix.index);
    const underscored = format === 'kohya' && !stem.includes('.');
    const module = underscored ? findKohyaModule(stem, modules) : findModule(stem, modules);
    return module === undefined ? undefined : { module, part, format };
  }
  return undefined;
}

type Suffix = { readonly pattern: RegExp; readonly part: AdapterPart; readonly format: AdapterFormat };

/** No key matches two of these. The magnitude is the same in diffusers and peft. */
const SUFFIXES: readonly Suffix[] = [
  {
    pattern: /(\.|_)lora\.down\.weight$|\.lora_linear_layer\.down\.weight$/,
    part: 'down',
    format: 'diffusers',
  },
  { pattern: /(\.|_)lora\.up\.weight$|\.lora_linear_layer\.up\.weight$/, part: 'up', format: 'diffusers' },
  { pattern: /\.lora_A(\.default)?\.weight$/, part: 'down', format: 'peft' },
  { pattern: /\.lora_B(\.default)?\.weight$/, part: 'up', format: 'peft' },
  { pattern: /\.lora_magnitude_vector(\.default)?(\.weight)?$/, part: 'magnitude', format: 'peft' },
  { pattern: /\.lora_down\.weight$/, part: 'down', format: 'kohya' },
  { pattern: /\.lora_up\.weight$/, part: 'up', format: 'kohya' },
  { pattern: /\.dora_scale$/, part: 'magnitude', format: 'kohya' },
  { pattern: /\.lora_mid\.weight$/, part: 'mid', format: 'kohya' },
  { pattern: /\.alpha$/, part: 'alpha', format: 'kohya' },
  { pattern: /\.diff$/, part: 'difference', format: 'kohya' },
];

function findModule(stem: string, modules: ReadonlySet<string>): string | undefined {
  const path = stem
    .replace(/^base_model\.model\./, '')
    .replace('.processor.', '.')
    .replace(/\.self_attn\.to_(q|k|v|out)$/, '.self_attn.$1_proj') // the old processors' names in the text encoder
    .replace(/\.to_out$/, '.to_out.0'); // and in the UNet
  const candidates = [path, ...COMPONENTS.map((component) => `${component}.${path}`)];
  return candidates.find((candidate) => modules.has(candidate));
}

/** Underscores cannot be turned back into dots without knowing the modules: `to_out_0` is `to_out.0`. */
function findKohyaModule(stem: string, modules: ReadonlySet<string>): string | undefined {
  let known = kohyaNames.get(modules);
  if (known === undefined) {
    known = new Map([...modules].map((module) => [kohyaStem(module), module]));
    kohyaNames.set(modules, known);
  }
  const other = OTHER_KOHYA_PREFIXES.find(([prefix]) => stem.startsWith(prefix));
  return known.get(other === undefined ? stem : other[1] + stem.slice(other[0].length));
}
/** Made once for a set of modules: files ask for hundreds of names. */
const kohyaNames = new WeakMap<ReadonlySet<string>, ReadonlyMap<string, string>>();

function kohyaStem(module: string): string {
  const { component, path } = split(module);
  return KOHYA_PREFIX[component] + path.replaceAll('.', '_');
}

function split(module: string): { component: (typeof COMPONENTS)[number]; path: string } {
  const component = COMPONENTS.find((name) => module.startsWith(`${name}.`));
  if (component === undefined)
    throw new RangeError(`${module} names no component (${COMPONENTS.join(', ')})`);
  return { component, path: module.slice(component.length + 1) };
}
