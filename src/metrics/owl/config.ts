/** OWL-ViT's configuration and names, as transformers' OwlViTForObjectDetection has them. */
import * as v from 'valibot';
import type { Arrangement, TensorFile } from '../../formats/tensorFile.ts';
import { type ClipConfig, configError, parseClipConfig } from '../clip/config.ts';

const schema = v.looseObject({
  model_type: v.optional(v.literal('owlvit')),
  projection_dim: v.optional(v.number()),
  text_config: v.optional(v.looseObject({}), {}),
  vision_config: v.optional(v.looseObject({}), {}),
});

/**
 * Reads config.json. What it leaves out is as in OWL-ViT base/32: CLIP's towers, with texts of 16 tokens and pictures of
 * 768 pixels.
 * @throws StudioError `metric-config` naming the file and the setting
 */
export function parseOwlConfig(json: unknown, file: string): ClipConfig {
  const result = v.safeParse(schema, json);
  if (!result.success) {
    const [issue] = result.issues;
    throw configError(file, `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  const { projection_dim, text_config, vision_config } = result.output;
  const towers = {
    ...(projection_dim === undefined ? {} : { projection_dim }),
    text_config: { max_position_embeddings: 16, ...text_config },
    vision_config: { image_size: 768, ...vision_config },
  };
  const config = parseClipConfig(towers, file);
  if (config.text.width !== config.embedWidth) {
    throw configError(
      file,
      `classes of ${config.text.width} channels cannot be compared with texts of ${config.embedWidth}`,
    );
  }
  // Pooled at the largest id, whatever the file says of the end token.
  return { ...config, text: { ...config.text, eosTokenId: 2 } };
}

/** Whether a checkpoint has transformers' names of OWL-ViT. */
export function isOwlLayout(file: Pick<TensorFile, 'entries'>): boolean {
  return file.entries.has('owlvit.logit_scale') && file.entries.has('box_head.dense0.weight');
}

/** transformers' names without their first part, and with the misspelling that its CLIP has and its OWL-ViT has not. */
export const fromOwl: Arrangement = (name) => {
  if (/(^|\.)position_ids$/.test(name)) return [];
  const inner = name.replace(/^owlvit\./, '');
  return [{ name: inner.replace(/^vision_model\.pre_layernorm\./, 'vision_model.pre_layrnorm.') }];
};
