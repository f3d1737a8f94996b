/**
 * From the tensor names of single-file checkpoints (the "latent diffusion" layout of CompVis and Stability AI) to the
 * names of diffusers and transformers. Both sides name the same modules; they count blocks differently:
 * https://github.com/CompVis/latent-diffusion (ldm/modules/diffusionmodules/openaimodel.py and model.py) and, for the
 * text encoder of SD-2.x, https://github.com/mlfoundations/open_clip (src/open_clip/transformer.py).
 *
 * No number changes on the way: tensors are renamed, the fused query-key-value matrices of OpenCLIP are cut into
 * thirds along their rows, and the VAE's 1x1 convolutions in attention are read as matrices.
 */
import { StudioError } from '../lib/errors.ts';

/** One tensor of a part, and where it is in the checkpoint. */
export type LdmTensor = {
  /** Name in diffusers' or transformers' layout. */
  readonly name: string;
  /** Name in the checkpoint. */
  readonly from: string;
  readonly shape: readonly number[];
  /** Rows of the first dimension to take, if not all. */
  readonly rows: { readonly start: number; readonly count: number } | null;
};

type LdmParts = {
  readonly unet: readonly LdmTensor[];
  readonly vae: readonly LdmTensor[];
  readonly text: readonly LdmTensor[];
};

/** Shapes by tensor name, as a safetensors file lists them. */
type Shapes = ReadonlyMap<string, readonly number[]>;

const UNET = 'model.diffusion_model.';
const VAE = 'first_stage_model.';
const CLIP = 'cond_stage_model.transformer.';
const OPEN_CLIP = 'cond_stage_model.model.';

/**
 * All tensors of the three networks under their new names. What else a checkpoint holds (averaged weights, schedules,
 * training state, layers of the text encoder beyond the ones in use) is left out.
 * @param textLayers layers of the text encoder that the model uses: SD-2.x conditions on the last but one
 * @throws StudioError `checkpoint-unsupported` naming a tensor that has no place, or a part that is not there
 */
export function mapLdmNames(shapes: Shapes, { textLayers }: { readonly textLayers: number }): LdmParts {
  const names = [...shapes.keys()];
  const inPart = (prefix: string) =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const renamed = (prefix: string, rename: (name: string) => string | null): LdmTensor[] =>
    inPart(prefix).flatMap((name) => {
      const to = rename(name);
      const from = prefix + name;
      return to === null ? [] : [{ name: to, from, shape: shapes.get(from) ?? [], rows: null }];
    });
  const unetNames = inPart(UNET);
  const vaeNames = inPart(VAE);
  const parts = {
    unet: renamed(UNET, unetRule(unetNames)),
    vae: renamed(VAE, vaeRule(vaeNames)).map(asMatrix),
    text: [...renamed(CLIP, clipName), ...openClip(inPart(OPEN_CLIP), shapes, textLayers)],
  };
  for (const [part, tensors] of Object.entries(parts)) {
    if (tensors.length === 0) throw unsupported(part, `it has no ${PART_TITLES[part as keyof LdmParts]}`);
  }
  return parts;
}
const PART_TITLES = { unet: 'UNet', vae: 'VAE', text: 'text encoder' } as const;

/** Blocks of the UNet are numbered straight through; level and layer follow from the layers of a level. */
function unetRule(names: readonly string[]): (name: string) => string {
  // The first downsampler closes the first level: layers 1 to L, then it.
  const first = names.map((name) => /^input_blocks\.(\d+)\.0\.op\.weight$/.exec(name)?.[1]).find(Boolean);
  const perLevel = first === undefined ? names.length : Number(first);
  return (name) => {
    const [, group = '', rest = ''] =
      /^(input_blocks|middle_block|output_blocks|time_embed|out)\.(.+)$/.exec(name) ?? [];
    const [, index = '', slot = '', inner = ''] = /^(\d+)\.(\d+)\.(.+)$/.exec(rest) ?? [];
    switch (group) {
      case 'time_embed':
        return rest.replace(/^0\./, 'time_embedding.linear_1.').replace(/^2\./, 'time_embedding.linear_2.');
      case 'out':
        return rest.replace(/^0\./, 'conv_norm_out.').replace(/^2\./, 'conv_out.');
      case 'middle_block': {
        const [, block = '', end = ''] = /^(\d+)\.(.+)$/.exec(rest) ?? [];
        if (block === '1') return `mid_block.attentions.0.${end}`;
        return `mid_block.resnets.${block === '0' ? 0 : 1}.${resnetName(end, name)}`;
      }
      case 'input_blocks': {
        if (index === '0') return `conv_in.${inner}`;
        const level = Math.floor((Number(index) - 1) / perLevel);
        const layer = (Number(index) - 1) % perLevel;
        const block = `down_blocks.${level}`;
        if (inner.startsWith('op.')) return `${block}.downsamplers.0.conv.${inner.slice('op.'.length)}`;
        return layerName(block, layer, slot, inner, name);
      }
      case 'output_blocks': {
        const block = `up_blocks.${Math.floor(Number(index) / perLevel)}`;
        const layer = Number(index) % perLevel;
        if (inner.startsWith('conv.')) return `${block}.upsamplers.0.${inner}`;
        return layerName(block, layer, slot, inner, name);
      }
      default:
        throw unsupported(UNET + name, `nothing in its UNet is called ${name}`);
    }
  };
}

function layerName(block: string, layer: number, slot: string, inner: string, name: string): string {
  if (slot === '0') return `${block}.resnets.${layer}.${resnetName(inner, name)}`;
  if (slot === '1') return `${block}.attentions.${layer}.${inner}`;
  throw unsupported(UNET + name, `nothing in its UNet is called ${name}`);
}

const RESNET: Readonly<Record<string, string>> = {
  'in_layers.0': 'norm1',
  'in_layers.2': 'conv1',
  'emb_layers.1': 'time_emb_proj',
  'out_layers.0': 'norm2',
  'out_layers.3': 'conv2',
  skip_connection: 'conv_shortcut',
};

function resnetName(inner: string, name: string): string {
  const [, path = '', end = ''] = /^(.+)\.(weight|bias)$/.exec(inner) ?? [];
  const to = RESNET[path];
  if (to === undefined) throw unsupported(UNET + name, `nothing in its UNet is called ${name}`);
  return `${to}.${end}`;
}

const VAE_ATTENTION: Readonly<Record<string, string>> = {
  norm: 'group_norm',
  q: 'to_q',
  k: 'to_k',
  v: 'to_v',
  proj_out: 'to_out.0',
};

/** Levels of the decoder are counted from the image here, from the latent there. */
function vaeRule(names: readonly string[]): (name: string) => string | null {
  const ups = names.map((name) => Number(/^decoder\.up\.(\d+)\./.exec(name)?.[1] ?? -1));
  const levels = Math.max(...ups, -1) + 1;
  return (name) => {
    if (/^(loss|model_ema)\b/.test(name)) return null;
    return name
      .replace(/^encoder\.down\.(\d+)\./, 'encoder.down_blocks.$1.')
      .replace(
        /^decoder\.up\.(\d+)\./,
        (_, level: string) => `decoder.up_blocks.${levels - 1 - Number(level)}.`,
      )
      .replace(/\.block\.(\d+)\./, '.resnets.$1.')
      .replace(/\.downsample\.conv\./, '.downsamplers.0.conv.')
      .replace(/\.upsample\.conv\./, '.upsamplers.0.conv.')
      .replace(/\.mid\.block_([12])\./, (_, block: string) => `.mid_block.resnets.${Number(block) - 1}.`)
      .replace(
        /\.mid\.attn_1\.(norm|q|k|v|proj_out)\./,
        (_, layer: string) => `.mid_block.attentions.0.${VAE_ATTENTION[layer]}.`,
      )
      .replace(/\.nin_shortcut\./, '.conv_shortcut.')
      .replace(/^((?:en|de)coder)\.norm_out\./, '$1.conv_norm_out.');
  };
}

/** [out, in, 1, 1] -> [out, in] where diffusers has a dense layer. */
function asMatrix(tensor: LdmTensor): LdmTensor {
  const [out = 0, inputs = 0, ...kernel] = tensor.shape;
  const dense = /\.attentions\.0\.to_(q|k|v|out\.0)\.weight$/.test(tensor.name);
  const isPoint = kernel.length === 2 && kernel.every((size) => size === 1);
  return dense && isPoint ? { ...tensor, shape: [out, inputs] } : tensor;
}

/** SD-1.x: transformers' own names, in some files without their first word. */
function clipName(name: string): string | null {
  if (/(^|\.)(position_ids|text_projection\.weight|logit_scale)$/.test(name)) return null;
  return name.startsWith('text_model.') ? name : `text_model.${name}`;
}

const OPEN_CLIP_LAYER: Readonly<Record<string, string>> = {
  ln_1: 'layer_norm1',
  ln_2: 'layer_norm2',
  'attn.out_proj': 'self_attn.out_proj',
  'mlp.c_fc': 'mlp.fc1',
  'mlp.c_proj': 'mlp.fc2',
};
const OPEN_CLIP_TOP: Readonly<Record<string, string>> = {
  'token_embedding.weight': 'text_model.embeddings.token_embedding.weight',
  positional_embedding: 'text_model.embeddings.position_embedding.weight',
  'ln_final.weight': 'text_model.final_layer_norm.weight',
  'ln_final.bias': 'text_model.final_layer_norm.bias',
};
/** Only for comparing texts with images, which nobody does here. */
const OPEN_CLIP_UNUSED = /^(text_projection|logit_scale|logit_bias|attn_mask)$/;

/** SD-2.x: OpenCLIP. */
function openClip(names: readonly string[], shapes: Shapes, layers: number): LdmTensor[] {
  return names.flatMap((name): LdmTensor[] => {
    const from = OPEN_CLIP + name;
    const shape = shapes.get(from) ?? [];
    const top = OPEN_CLIP_TOP[name];
    if (top !== undefined) return [{ name: top, from, shape, rows: null }];
    if (OPEN_CLIP_UNUSED.test(name)) return [];
    const [, layer = '', inner = ''] = /^transformer\.resblocks\.(\d+)\.(.+)$/.exec(name) ?? [];
    if (layer === '') throw unsupported(from, `nothing in its text encoder is called ${name}`);
    if (Number(layer) >= layers) return [];
    const path = `text_model.encoder.layers.${layer}`;
    const fused = /^attn\.in_proj_(weight|bias)$/.exec(inner)?.[1];
    if (fused !== undefined) return thirds(`${path}.self_attn`, fused, from, shape);
    const [, module = '', end = ''] = /^(.+)\.(weight|bias)$/.exec(inner) ?? [];
    const to = OPEN_CLIP_LAYER[module];
    if (to === undefined) throw unsupported(from, `nothing in its text encoder is called ${name}`);
    return [{ name: `${path}.${to}.${end}`, from, shape, rows: null }];
  });
}

/** [3 D, ...] -> query, key and value of [D, ...]. */
function thirds(path: string, end: string, from: string, shape: readonly number[]): LdmTensor[] {
  const [rows = 0, ...rest] = shape;
  if (rows % 3 !== 0) throw unsupported(from, `${from} has ${rows} rows, which are not three parts`);
  const count = rows / 3;
  return ['q_proj', 'k_proj', 'v_proj'].map((projection, i) => ({
    name: `${path}.${projection}.${end}`,
    from,
    shape: [count, ...rest],
    rows: { start: i * count, count },
  }));
}

function unsupported(where: string, problem: string): StudioError {
  return new StudioError('checkpoint-unsupported', `This checkpoint cannot be read: ${problem}.`, {
    remedy:
      'Take a complete checkpoint of Stable Diffusion 1.x or 2.x, or the model as a folder in diffusers layout.',
    where,
  });
}
