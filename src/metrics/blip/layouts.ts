/** The names of BLIP checkpoints: the original's to transformers', and both to ours, whose image encoder is CLIP's. */
import type { Arrangement, TensorFile } from '../../formats/tensorFile.ts';
import { parted } from '../clip/layouts.ts';

/** True for the names of the original checkpoints. */
export function isOriginalBlip(file: Pick<TensorFile, 'entries'>): boolean {
  return file.entries.has('visual_encoder.pos_embed');
}

/** In this order, as transformers' conversion applies them. */
const REPLACEMENTS = [
  ['visual_encoder', 'vision_model.encoder'],
  ['blocks', 'layers'],
  ['attn', 'self_attn'],
  ['norm1', 'layer_norm1'],
  ['norm2', 'layer_norm2'],
  ['encoder.norm', 'post_layernorm'],
  ['encoder.patch_embed.proj', 'embeddings.patch_embedding'],
  ['encoder.pos_embed', 'embeddings.position_embedding'],
  ['encoder.cls_token', 'embeddings.class_embedding'],
  ['self_attn.proj', 'self_attn.projection'],
] as const;

/** The original's name of a tensor to transformers'. Nothing is transposed or split between the two. */
export function toHuggingFaceName(name: string): string {
  // Text encoder and decoder keep their names.
  if (!name.startsWith('visual_encoder')) return name;
  return REPLACEMENTS.reduce((text, [from, to]) => text.replaceAll(from, to), name);
}

/** The output layer of the decoder shares its tensors; a file has one of the two names, or both. */
const TIED: Readonly<Record<string, string>> = {
  'text_decoder.cls.predictions.decoder.weight': 'text_decoder.bert.embeddings.word_embeddings.weight',
  'text_decoder.cls.predictions.decoder.bias': 'text_decoder.cls.predictions.bias',
};

/** True for buffers, and for the momentum copies and queues of training, which upstream leaves out too. */
export function isBuffer(name: string): boolean {
  return name.endsWith('.position_ids') || /^\w+_m\.|_queue$|^queue|^ptr_queue$/.test(name);
}

export const fromBlip: Arrangement = (inFile, has) => {
  if (isBuffer(inFile)) return [];
  const name = toHuggingFaceName(inFile);
  const tied = TIED[name];
  if (tied !== undefined) return has(tied) ? [] : [{ name: tied }];
  const fused = /^(vision_model\.encoder\.layers\.\d+\.self_attn)\.qkv\.(weight|bias)$/.exec(name);
  if (fused !== null) return parted(fused[1] as string, fused[2] as string);
  if (name === 'vision_model.embeddings.position_embedding') return [{ name: `${name}.weight` }];
  return [{ name: name.replace(/^(vision_model\..+\.self_attn)\.projection\./, '$1.out_proj.') }];
};
