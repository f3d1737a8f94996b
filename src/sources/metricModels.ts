/** Models of metrics, as data: which files, from where, how large, under which license. */
import type { License } from '../contract/modelSource.ts';
import { LICENSES } from './catalog.ts';
import { type Hub, hubUrl } from './hubs.ts';

type MetricFile = {
  /** Where it lies in the stored folder. */
  readonly path: string;
  /** In a repository of the hub, or at an address of its own. */
  readonly from: { readonly repository: string; readonly path: string } | { readonly url: string };
};

export type MetricModel = {
  readonly id: string;
  readonly name: string;
  readonly parameters: number;
  /** Bytes of the download, about. */
  readonly sizeBytes: number;
  /** Most GPU memory that it takes at any time; `npm run bench -- memory` holds it. */
  readonly deviceBytes: number;
  /** Address of a model that comes with the page, relative to it; null for the others. */
  readonly base: string | null;
  readonly files: readonly MetricFile[];
  readonly license: License;
  readonly notes: string;
};

const BSD_3: License = {
  name: 'BSD 3-Clause',
  url: 'https://github.com/salesforce/BLIP/blob/main/LICENSE.txt',
  summary: 'Free to use, change and share, as long as the license text stays with it.',
};

const APACHE_2: License = {
  name: 'Apache 2.0',
  url: 'https://www.apache.org/licenses/LICENSE-2.0',
  summary: 'Free to use, change and share, with notices kept; includes a grant of patents.',
};

const PICKSCORE: License = {
  name: 'not named on its page (code: MIT)',
  url: 'https://github.com/yuvalkirstain/PickScore/blob/main/LICENSE',
  summary: '',
};

const onHub = (repository: string, path: string, as = path): MetricFile => ({
  path: as,
  from: { repository, path },
});

const CLIP_TOKENIZER: readonly MetricFile[] = [
  onHub('openai/clip-vit-base-patch32', 'vocab.json'),
  onHub('openai/clip-vit-base-patch32', 'merges.txt'),
];
const BERT_TOKENIZER: readonly MetricFile[] = [onHub('google-bert/bert-base-uncased', 'vocab.txt')];

export const METRIC_MODELS: readonly MetricModel[] = [
  {
    id: 'shapes-clip',
    name: 'Shapes CLIP',
    parameters: 1_127_937,
    sizeBytes: 2_300_000,
    deviceBytes: 20e6,
    base: 'models/shapes-clip/',
    files: [],
    license: LICENSES.mit as License,
    notes: 'Comes with this page.',
  },
  {
    id: 'clip-vit-b32',
    name: 'CLIP ViT-B/32',
    parameters: 151_277_313,
    sizeBytes: 605_000_000,
    deviceBytes: 230e6,
    base: null,
    files: [
      onHub('openai/clip-vit-base-patch32', 'config.json'),
      onHub('openai/clip-vit-base-patch32', 'model.safetensors'),
      ...CLIP_TOKENIZER,
    ],
    license: LICENSES.mit as License,
    notes: 'The network of T2I-CompBench’s CLIPScore.',
  },
  {
    id: 'blip-vqa-480',
    name: 'BLIP-VQA, original',
    parameters: 361_478_972,
    sizeBytes: 1_540_000_000,
    deviceBytes: 750e6,
    base: null,
    files: [
      {
        path: 'model.pt',
        from: {
          url: 'https://storage.googleapis.com/sfr-vision-language-research/BLIP/models/model_base_vqa_capfilt_large.pth',
        },
      },
      ...BERT_TOKENIZER,
    ],
    license: BSD_3,
    notes:
      'The checkpoint of the published numbers. Its server may refuse pages: then download it and choose it as files, with vocab.txt of bert-base-uncased.',
  },
  {
    id: 'blip-vqa-384',
    name: 'BLIP-VQA, Hugging Face port',
    parameters: 361_230_140,
    sizeBytes: 1_540_000_000,
    deviceBytes: 715e6,
    base: null,
    files: [
      onHub('Salesforce/blip-vqa-capfilt-large', 'config.json'),
      onHub('Salesforce/blip-vqa-capfilt-large', 'model.safetensors'),
      ...BERT_TOKENIZER,
    ],
    license: BSD_3,
    notes: 'Converted at 384 pixels: near the published numbers, not the same.',
  },
  {
    id: 'hps-v2',
    name: 'HPS v2.0 (OpenCLIP ViT-H/14)',
    parameters: 986_109_441,
    sizeBytes: 1_970_000_000,
    deviceBytes: 1310e6,
    base: null,
    files: [onHub('xswu/HPSv2', 'HPS_v2_compressed.pt', 'model.pt'), ...CLIP_TOKENIZER],
    license: APACHE_2,
    notes: 'Version 2.0, as in the paper.',
  },
  {
    id: 'pickscore',
    name: 'PickScore (CLIP ViT-H/14)',
    parameters: 986_109_441,
    sizeBytes: 3_940_000_000,
    deviceBytes: 1310e6,
    base: null,
    files: [
      onHub('yuvalkirstain/PickScore_v1', 'config.json'),
      onHub('yuvalkirstain/PickScore_v1', 'model.safetensors'),
      ...CLIP_TOKENIZER,
    ],
    license: PICKSCORE,
    notes: 'Published in 32 bits.',
  },
  {
    id: 'owlvit-b32',
    name: 'OWL-ViT base/32',
    parameters: 153_231_879,
    sizeBytes: 613_000_000,
    deviceBytes: 260e6,
    base: null,
    files: [
      onHub('google/owlvit-base-patch32', 'config.json'),
      onHub('google/owlvit-base-patch32', 'model.safetensors'),
      onHub('google/owlvit-base-patch32', 'vocab.json'),
      onHub('google/owlvit-base-patch32', 'merges.txt'),
    ],
    license: APACHE_2,
    notes: 'Finds what a text names; in the place of UniDet, which has no form that a page could run.',
  },
];

/** Where a file is fetched from. */
export function metricFileUrl({ from }: MetricFile, hub: Hub): string {
  return 'url' in from ? from.url : hubUrl(hub, 'file', from);
}

/** Null for an id that this version does not know. */
export function metricModel(id: string): MetricModel | null {
  return METRIC_MODELS.find((model) => model.id === id) ?? null;
}

/** The stored model's identifier, once it is downloaded. */
export function metricModelId(id: string): string {
  return `metric-${id}`;
}
