/** Good inputs that cases start from: small, and with every feature that a parser knows. */
import { readFileSync } from 'node:fs';
import { deflateRawSync, deflateSync } from 'node:zlib';
import { encodePng } from '../../src/formats/png.ts';
import { writeChunks } from '../../src/formats/pngChunks.ts';
import { withPngText } from '../../src/formats/pngText.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import { crc32 } from '../../src/lib/crc32.ts';

const encoder = new TextEncoder();
export const text = (value: string): Uint8Array => encoder.encode(value);
export const json = (value: unknown): Uint8Array => text(JSON.stringify(value));

const golden = (path: string): string =>
  readFileSync(new URL(`../../tests/golden/${path}`, import.meta.url), 'utf8');

export const TOKENIZER = {
  vocab: golden('tokenizer/vocab.json'),
  merges: golden('tokenizer/merges.txt'),
  config: golden('tokenizer/tokenizer_config.json'),
};

export const SAFETENSORS: readonly Uint8Array[] = [
  writeSafetensors([
    {
      name: 'a.weight',
      dtype: 'F32',
      shape: [2, 3],
      data: Float32Array.of(1, -2, 0.5, 1e-40, Number.NaN, 3e38),
    },
    { name: 'b', dtype: 'F16', shape: [3], data: Uint16Array.of(0x3c00, 0x7c00, 0x0001) },
    { name: 'c', dtype: 'F32', shape: [], data: Float32Array.of(7) },
  ]),
  writeSafetensors([{ name: 'x', dtype: 'F32', shape: [0, 4], data: new Float32Array(0) }], { format: 'pt' }),
  ...(['BF16', 'F64', 'I64', 'I32', 'I16', 'I8', 'U8', 'BOOL'] as const).map((dtype) => {
    const bytes = { BF16: 2, F64: 8, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 }[dtype] * 2;
    const header = json({ x: { dtype, shape: [2], data_offsets: [0, bytes] } });
    const file = new Uint8Array(8 + header.length + bytes).map((_, i) => (i * 37) % 251);
    new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
    file.set(header, 8);
    return file;
  }),
];

/** One image of each color type and filter, packed with node's zlib. */
function pngOf(colorType: number, samples: number): Uint8Array {
  const [width, height] = [5, 5];
  const header = new Uint8Array([0, 0, 0, width, 0, 0, 0, height, 8, colorType, 0, 0, 0]);
  const rows = Array.from({ length: height }, (_, y) => [
    y,
    ...Array.from({ length: width * samples }, (_, x) =>
      colorType === 3 ? (y === 0 ? x % 4 : 0) : (x * 29 + y) % 256,
    ),
  ]);
  const palette = { type: 'PLTE', data: Uint8Array.from({ length: 12 }, (_, i) => i * 20) };
  return writeChunks([
    { type: 'IHDR', data: header },
    ...(colorType === 3 ? [palette] : []),
    { type: 'IDAT', data: new Uint8Array(deflateSync(Uint8Array.from(rows.flat()))) },
    { type: 'IEND', data: new Uint8Array(0) },
  ]);
}

const plainPng = await encodePng(
  Uint8Array.from({ length: 48 }, (_, i) => (i * 53) % 256),
  4,
  4,
);
const zText = new Uint8Array([...text('note'), 0, 0, ...deflateSync(text('packed words'))]);
const iText = new Uint8Array([...text('mi-tune'), 0, 1, 0, 0, 0, ...deflateSync(text('{"seed":1}'))]);

export const PNGS: readonly Uint8Array[] = [
  plainPng,
  withPngText(
    plainPng,
    { parameters: 'a red circle\nSteps: 20', 'mi-tune': '{"prompt":"\u2603"}' },
    'seed.png',
  ),
  ...[
    [0, 1],
    [2, 3],
    [3, 1],
    [4, 2],
    [6, 4],
  ].map(([type, samples]) => pngOf(type as number, samples as number)),
  writeChunks([
    { type: 'IHDR', data: new Uint8Array([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]) },
    { type: 'zTXt', data: zText },
    { type: 'iTXt', data: iText },
    { type: 'IDAT', data: new Uint8Array(deflateSync(Uint8Array.of(0, 9))) },
    { type: 'IEND', data: new Uint8Array(0) },
  ]),
];

/** An archive with stored and packed entries and a comment. */
function zipOf(files: Readonly<Record<string, string>>, packed: boolean, comment: string): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const data = packed ? deflateRawSync(content) : Buffer.from(content);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(packed ? 8 : 0, 4);
    fields.writeUInt32LE(crc32(Buffer.from(content)), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(Buffer.byteLength(content), 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004', 'latin1'), fields, Buffer.from(name), data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    const made = Buffer.from([20, 0]);
    directory.push(
      Buffer.concat([Buffer.from('PK\u0001\u0002', 'latin1'), made, fields, tail, Buffer.from(name)]),
    );
    parts.push(local);
    offset += local.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006', 0, 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return new Uint8Array(Buffer.concat([...parts, listing, end, Buffer.from(comment)]));
}

export const ZIPS: readonly Uint8Array[] = [
  zipOf({ 'images/a.png': 'pixels', 'metadata.jsonl': '{}\n', 'empty.txt': '' }, false, ''),
  zipOf({ 'a.txt': 'words '.repeat(40), 'b/c.txt': 'x' }, true, 'a comment'),
  zipOf({}, false, ''),
];

export const UNET = {
  _class_name: 'UNet2DConditionModel',
  act_fn: 'silu',
  attention_head_dim: [5, 10],
  block_out_channels: [320, 640],
  cross_attention_dim: 1024,
  down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
  in_channels: 4,
  out_channels: 4,
  layers_per_block: 2,
  norm_eps: 1e-5,
  norm_num_groups: 32,
  sample_size: 64,
  transformer_layers_per_block: 1,
  use_linear_projection: true,
};
export const VAE = {
  act_fn: 'silu',
  block_out_channels: [128, 256],
  down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
  up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
  in_channels: 3,
  latent_channels: 4,
  layers_per_block: 2,
  norm_num_groups: 32,
  out_channels: 3,
  sample_size: 768,
  scaling_factor: 0.18215,
};
export const TEXT_ENCODER = {
  architectures: ['CLIPTextModel'],
  hidden_act: 'gelu',
  hidden_size: 64,
  intermediate_size: 256,
  max_position_embeddings: 77,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  vocab_size: 601,
};
export const SCHEDULER = {
  _class_name: 'DDIMScheduler',
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  beta_start: 0.00085,
  clip_sample: false,
  num_train_timesteps: 1000,
  prediction_type: 'v_prediction',
  set_alpha_to_one: false,
  steps_offset: 1,
  timestep_spacing: 'leading',
};

/** `data.pkl` of a state dict with one transposed tensor of halves, and of a TorchScript module with another in it. */
export const PICKLES: readonly Uint8Array[] = [
  'gAJ9cQBYCAAAAGEud2VpZ2h0cQFjdG9yY2guX3V0aWxzCl9yZWJ1aWxkX3RlbnNvcl92MgpxAigoWAcAAABzdG9yYWdlcQNj' +
    'dG9yY2gKSGFsZlN0b3JhZ2UKcQRYAQAAADBxBVgDAAAAY3B1cQZLBnRxB1FLAEsDSwKGcQhLAUsDhnEJiWNjb2xsZWN0aW9u' +
    'cwpPcmRlcmVkRGljdApxCilScQt0cQxScQ1zLg==',
  'gAJjX190b3JjaF9fCk0KcQApgX0oWAgAAAB0cmFpbmluZ3EBiFgWAAAAX2lzX2Z1bGxfYmFja3dhcmRfaG9va3ECTlgFAAAA' +
    'c2l6ZXNxA2N0b3JjaC5qaXQuX3BpY2tsZQpidWlsZF9pbnRsaXN0CnEEKF0oSwFLAmV0UlgCAAAAbG5xBWNfX3RvcmNoX18u' +
    'dG9yY2gubm4ubW9kdWxlcy5ub3JtYWxpemF0aW9uCkxheWVyTm9ybQpxBimBfShYBgAAAHdlaWdodHEHY3RvcmNoLl91dGls' +
    'cwpfcmVidWlsZF90ZW5zb3JfdjIKcQgoKFgHAAAAc3RvcmFnZXEJY3RvcmNoCkZsb2F0U3RvcmFnZQpxClgBAAAAMHELWAMA' +
    'AABjcHVxDEsCdFFxDUsAKEsCdChLAXSIY2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnEOKVJ0UnEPWAQAAABiaWFzcRBoCCgo' +
    'aAloClgBAAAAMXERaAxLAnRRcRJLAChLAnQoSwF0iGgOKVJ0UnETaAGIaAJOdWJxFHVicRUu',
].map((base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
