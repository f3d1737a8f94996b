/**
 * The names of CLIP checkpoints. Ours are transformers'; OpenAI's and open_clip's files fuse the three projections of
 * attention and keep the last projections as [in, out].
 */
import type { Arrangement, Placement, TensorFile } from '../../formats/tensorFile.ts';
import { type ClipConfig, configError } from './config.ts';

/** True for OpenAI's and open_clip's names. */
export function isOpenAiLayout(file: Pick<TensorFile, 'entries'>): boolean {
  return file.entries.has('visual.conv1.weight');
}

const RENAMED: Readonly<Record<string, string>> = {
  positional_embedding: 'text_model.embeddings.position_embedding.weight',
  'token_embedding.weight': 'text_model.embeddings.token_embedding.weight',
  'ln_final.weight': 'text_model.final_layer_norm.weight',
  'ln_final.bias': 'text_model.final_layer_norm.bias',
  'visual.class_embedding': 'vision_model.embeddings.class_embedding',
  'visual.positional_embedding': 'vision_model.embeddings.position_embedding.weight',
  'visual.conv1.weight': 'vision_model.embeddings.patch_embedding.weight',
  'visual.ln_pre.weight': 'vision_model.pre_layrnorm.weight',
  'visual.ln_pre.bias': 'vision_model.pre_layrnorm.bias',
  'visual.ln_post.weight': 'vision_model.post_layernorm.weight',
  'visual.ln_post.bias': 'vision_model.post_layernorm.bias',
  logit_scale: 'logit_scale',
};

const IN_BLOCK: Readonly<Record<string, string>> = {
  ln_1: 'layer_norm1',
  ln_2: 'layer_norm2',
  'attn.out_proj': 'self_attn.out_proj',
  'mlp.c_fc': 'mlp.fc1',
  'mlp.c_proj': 'mlp.fc2',
};

/** Numbers that OpenAI's files carry as tensors beside the parameters, and buffers. */
const NOT_PARAMETERS = /^(input_resolution|context_length|vocab_size|attn_mask)$|(^|\.)position_ids$/;

/** OpenAI's and open_clip's names to ours. A name that is not known stays, and is refused when the file is loaded. */
export const fromOpenAi: Arrangement = (name) => {
  if (NOT_PARAMETERS.test(name)) return [];
  if (name === 'text_projection') return [{ name: 'text_projection.weight', transposed: true }];
  if (name === 'visual.proj') return [{ name: 'visual_projection.weight', transposed: true }];
  const renamed = RENAMED[name];
  if (renamed !== undefined) return [{ name: renamed }];
  const block = /^(visual\.)?transformer\.resblocks\.(\d+)\.(.+)$/.exec(name);
  if (block === null) return [{ name }];
  const [, visual, index, rest = ''] = block;
  const path = `${visual === undefined ? 'text_model' : 'vision_model'}.encoder.layers.${index}`;
  const fused = /^attn\.in_proj_(weight|bias)$/.exec(rest);
  if (fused !== null) return parted(`${path}.self_attn`, fused[1] as string);
  const [, module = '', kind] = /^(.+)\.(weight|bias)$/.exec(rest) ?? [];
  const known = IN_BLOCK[module];
  return [{ name: known === undefined ? name : `${path}.${known}.${kind}` }];
};

/** The blocks [q; k; v] of a fused projection. */
export function parted(path: string, kind: string): readonly Placement[] {
  return ['q', 'k', 'v'].map((letter, i) => ({ name: `${path}.${letter}_proj.${kind}`, part: [i, 3] }));
}

/** transformers' own names; buffers of positions are left out. */
export const fromHuggingFace: Arrangement = (name) => (/(^|\.)position_ids$/.test(name) ? [] : [{ name }]);

/** Channels of a head in towers whose files do not say: OpenAI's rule, and the exception of open_clip's ViT-H/14. */
const HEAD_WIDTH = 64;
const VIT_H = { width: 1280, layers: 32, patchSize: 14, headWidth: 80 } as const;

/**
 * What the shapes of OpenAI's or open_clip's tensors tell: all but the number of heads, which follows a rule, and the
 * activation: OpenAI's models have its quick gelu, LAION's ViT-H/14, which HPS v2 is tuned from, the exact one.
 * @throws StudioError `metric-config` where a tensor is missing that the shape is read from
 */
export function configFromShapes(file: TensorFile): ClipConfig {
  const shape = (name: string): readonly number[] => {
    const entry = file.entries.get(name);
    if (entry === undefined) throw configError(file.name, `there is no tensor ${name}`);
    return entry.shape;
  };
  const layersOf = (prefix: string): number => {
    let layers = 0;
    while (file.entries.has(`${prefix}transformer.resblocks.${layers}.ln_1.weight`)) layers++;
    return layers;
  };
  const [width = 0, , patchSize = 0] = shape('visual.conv1.weight');
  const [tokens = 0] = shape('visual.positional_embedding');
  const [vocabulary = 0, textWidth = 0] = shape('token_embedding.weight');
  const layers = layersOf('visual.');
  const isVitH = width === VIT_H.width && layers === VIT_H.layers && patchSize === VIT_H.patchSize;
  const activation = isVitH ? 'gelu' : 'quick_gelu';
  return {
    embedWidth: shape('text_projection')[1] ?? 0,
    text: {
      vocabulary,
      width: textWidth,
      feedWidth: 4 * textWidth,
      layers: layersOf(''),
      heads: textWidth / HEAD_WIDTH,
      maxTokens: shape('positional_embedding')[0] ?? 0,
      activation,
      normEps: 1e-5,
      eosTokenId: 2,
    },
    vision: {
      width,
      feedWidth: 4 * width,
      layers,
      heads: width / (isVitH ? VIT_H.headWidth : HEAD_WIDTH),
      imageSize: patchSize * Math.round(Math.sqrt(tokens - 1)),
      patchSize,
      activation,
      normEps: 1e-5,
      style: 'clip',
    },
  };
}
