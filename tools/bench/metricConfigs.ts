// The published sizes of metrics' networks, by their entry in the catalog.

import { parseBlipConfig } from '../../src/metrics/blip/config.ts';
import type { MetricCheckpoint } from '../../src/metrics/checkpoint.ts';
import { parseClipConfig } from '../../src/metrics/clip/config.ts';
import { parseOwlConfig } from '../../src/metrics/owl/config.ts';

export type MetricConfig = Pick<MetricCheckpoint, 'kind' | 'config'>;

const bert = { num_attention_heads: 12 };
const vitH14 = {
  embed_dim: 1024,
  vision_cfg: { image_size: 224, layers: 32, width: 1280, head_width: 80, patch_size: 14 },
  text_cfg: { context_length: 77, vocab_size: 49408, width: 1024, heads: 16, layers: 24 },
};

/** The same network as transformers' config.json has it, which PickScore comes with. */
const vitH14HuggingFace = {
  projection_dim: 1024,
  text_config: {
    hidden_size: 1024,
    intermediate_size: 4096,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    hidden_act: 'gelu',
  },
  vision_config: {
    hidden_size: 1280,
    intermediate_size: 5120,
    num_hidden_layers: 32,
    num_attention_heads: 16,
    patch_size: 14,
    hidden_act: 'gelu',
  },
};

export const METRIC_CONFIGS: Readonly<Record<string, MetricConfig>> = {
  'clip-vit-b32': {
    kind: 'clip',
    // The defaults of transformers' configuration are this model.
    config: parseClipConfig({ text_config: {}, vision_config: {} }, 'CLIP ViT-B/32'),
  },
  'blip-vqa-480': {
    kind: 'blip',
    config: parseBlipConfig({ text_config: bert, vision_config: { image_size: 480 } }, 'BLIP-VQA'),
  },
  'blip-vqa-384': {
    kind: 'blip',
    config: parseBlipConfig({ text_config: bert, vision_config: {} }, 'BLIP-VQA at 384 pixels'),
  },
  'owlvit-b32': { kind: 'owl', config: parseOwlConfig({}, 'OWL-ViT base/32') },
  'hps-v2': { kind: 'clip', config: parseClipConfig(vitH14, 'ViT-H/14') },
  pickscore: { kind: 'clip', config: parseClipConfig(vitH14HuggingFace, 'PickScore') },
};
