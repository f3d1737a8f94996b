// A whole diffusers folder in memory: random networks of a few thousand weights, small enough for a software GPU.

import type { WeightFormat } from '../../../src/contract/backend.ts';
import { writeSafetensors } from '../../../src/formats/safetensors.ts';
import { bytesSource } from '../../../src/lib/bytes.ts';
import { floatsToHalves } from '../../../src/lib/half.ts';
import { normals } from '../../../src/lib/philox.ts';
import { type ModelFolder, missingFile } from '../../../src/models/folder.ts';
import { type DiffusionModel, loadModel } from '../../../src/models/load.ts';
import {
  type ParameterSource,
  type ParameterSpec,
  recordParameters,
} from '../../../src/models/parameters.ts';
import { parseTextConfig } from '../../../src/models/text/config.ts';
import { buildTextEncoder } from '../../../src/models/text/weights.ts';
import { parseUnetConfig } from '../../../src/models/unet/config.ts';
import { buildUnet } from '../../../src/models/unet/weights.ts';
import { parseVaeConfig } from '../../../src/models/vae/config.ts';
import { buildVae } from '../../../src/models/vae/weights.ts';

type TinyDtype = 'F32' | 'F16' | 'BF16';
export type TinyOptions = {
  readonly dtype?: TinyDtype;
  readonly prediction?: 'epsilon' | 'v_prediction';
  /** Settings of unet/config.json that replace the tiny model's. */
  readonly unet?: Readonly<Record<string, unknown>>;
};

/** Files by path. */
export type Files = Map<string, Uint8Array>;

const UNET = {
  sample_size: 8,
  block_out_channels: [8, 16],
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'],
  up_block_types: ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  layers_per_block: 1,
  attention_head_dim: [1, 2],
  cross_attention_dim: 16,
  norm_num_groups: 4,
  use_linear_projection: true,
};
const VAE = {
  block_out_channels: [4, 8],
  down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
  up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
  layers_per_block: 1,
  norm_num_groups: 4,
  scaling_factor: 0.5,
};
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
/** Every letter is a token, inside a word and at its end. */
const VOCABULARY = ['!', '<start>', '<end>', ...LETTERS, ...[...LETTERS].map((letter) => `${letter}</w>`)];
const TEXT = {
  vocab_size: VOCABULARY.length,
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  max_position_embeddings: 16,
  hidden_act: 'gelu',
};
const TOKENIZER = {
  model_max_length: 16,
  bos_token: '<start>',
  eos_token: '<end>',
  unk_token: '<end>',
  pad_token: '!',
};
const SCHEDULER = {
  _class_name: 'DDPMScheduler',
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  num_train_timesteps: 1000,
  clip_sample: false,
  steps_offset: 1,
  timestep_spacing: 'leading',
};

/** The folder's files. */
export function tinyFiles({ dtype = 'F32', prediction = 'epsilon', unet = {} }: TinyOptions = {}): Files {
  const unetConfig = { ...UNET, ...unet };
  const parts = {
    unet: recordParameters((p: ParameterSource) => buildUnet(parseUnetConfig(unetConfig), p)),
    vae: recordParameters((p: ParameterSource) => buildVae(parseVaeConfig(VAE), p)),
    text: recordParameters((p: ParameterSource) => buildTextEncoder(parseTextConfig(TEXT), p)),
  };
  const vocabulary = Object.fromEntries(VOCABULARY.map((token, id) => [token, id]));
  return new Map([
    ['unet/config.json', json(unetConfig)],
    ['unet/diffusion_pytorch_model.safetensors', weightFile(parts.unet, 1, dtype)],
    ['vae/config.json', json(VAE)],
    ['vae/diffusion_pytorch_model.safetensors', weightFile(parts.vae, 2, dtype)],
    ['text_encoder/config.json', json(TEXT)],
    ['text_encoder/model.safetensors', weightFile(parts.text, 3, dtype)],
    ['tokenizer/vocab.json', json(vocabulary)],
    ['tokenizer/merges.txt', new TextEncoder().encode('#version: 0.2\n')],
    ['tokenizer/tokenizer_config.json', json(TOKENIZER)],
    ['scheduler/scheduler_config.json', json({ ...SCHEDULER, prediction_type: prediction })],
  ]);
}

export function memoryFolder(files: Files): ModelFolder {
  return {
    name: 'tiny',
    open: async (...paths) => {
      for (const path of paths) {
        const bytes = files.get(path);
        if (bytes !== undefined) return bytesSource(bytes, path);
      }
      throw missingFile('tiny', paths);
    },
  };
}

export function loadTiny(options: TinyOptions = {}, format: WeightFormat = 'f32'): Promise<DiffusionModel> {
  return loadModel(memoryFolder(tinyFiles(options)), { format });
}

/** Weights that keep activations near 1: matrices N(0, 1/inputs), scales around 1, shifts around 0. */
function weightFile(specs: readonly ParameterSpec[], seed: number, dtype: TinyDtype): Uint8Array {
  const tensors = specs.map(({ name, shape, kind }, stream) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const inputs = count / (shape[0] as number);
    const isScale = kind === 'vector' && name.endsWith('.weight');
    const scale = kind === 'vector' || kind === 'table' ? 0.2 : 1 / Math.sqrt(inputs);
    const values = normals(seed, stream, 0, count).map((x) => (isScale ? 1 : 0) + scale * x);
    return { name, shape, values };
  });
  if (dtype === 'F32') {
    return writeSafetensors(
      tensors.map(({ name, shape, values }) => ({ name, shape, dtype: 'F32', data: values })),
    );
  }
  const toBits = dtype === 'F16' ? floatsToHalves : upperHalves;
  const file = writeSafetensors(
    tensors.map(({ name, shape, values }) => ({ name, shape, dtype: 'F16', data: toBits(values) })),
  );
  return dtype === 'F16' ? file : withHeader(file, (header) => header.replaceAll('"F16"', '"BF16"'));
}

/** bfloat16 by truncation: the upper two bytes of each float. */
function upperHalves(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => word >>> 16);
}

/** The same safetensors file with another JSON header. */
export function withHeader(file: Uint8Array, change: (header: string) => string): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset);
  const size = Number(view.getBigUint64(0, true));
  const header = new TextEncoder().encode(change(new TextDecoder().decode(file.subarray(8, 8 + size))));
  const out = new Uint8Array(8 + header.length + file.length - 8 - size);
  new DataView(out.buffer).setBigUint64(0, BigInt(header.length), true);
  out.set(header, 8);
  out.set(file.subarray(8 + size), 8 + header.length);
  return out;
}

function json(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
