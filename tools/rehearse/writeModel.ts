// Writes a complete model folder in diffusers layout with seeded weights in half precision, 2.6 GB for SD-2.1, a
// megabyte at a time. What is complete is kept, so that a second call costs nothing.

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type ParameterSpec, recordParameters } from '../../src/models/parameters.ts';
import { parseTextConfig } from '../../src/models/text/config.ts';
import { buildTextEncoder } from '../../src/models/text/weights.ts';
import { parseUnetConfig } from '../../src/models/unet/config.ts';
import { buildUnet } from '../../src/models/unet/weights.ts';
import { parseVaeConfig } from '../../src/models/vae/config.ts';
import { buildVae } from '../../src/models/vae/weights.ts';
import { MODEL_INDEX, type ModelConfigs, SCHEDULER } from './modelConfigs.ts';
import { seededHalves } from './seededWeights.ts';
import { tokenizerFiles } from './tokenizerFiles.ts';

const CHUNK_VALUES = 2 ** 19;

/** What is to be written into one file of weights. */
type WeightFile = {
  readonly path: string;
  readonly specs: readonly ParameterSpec[];
  readonly positions: number;
};

type WrittenModel = {
  readonly folder: string;
  readonly sizeBytes: number;
  readonly parameters: number;
};

/** The files of weights, with every name and shape that the networks of these configs have. */
export function weightFiles(configs: ModelConfigs): readonly WeightFile[] {
  const unet = recordParameters((p) => buildUnet(parseUnetConfig(configs.unet), p));
  const vae = recordParameters((p) => buildVae(parseVaeConfig(configs.vae), p));
  const text = recordParameters((p) => buildTextEncoder(parseTextConfig(configs.textEncoder), p));
  return [
    { path: 'unet/diffusion_pytorch_model.safetensors', specs: unet, positions: 0 },
    { path: 'vae/diffusion_pytorch_model.safetensors', specs: vae, positions: 0 },
    // The published file also carries the numbers 0 to 76 as 64-bit integers, which are no parameter.
    {
      path: 'text_encoder/model.safetensors',
      specs: text,
      positions: configs.textEncoder.max_position_embeddings,
    },
  ];
}

/** @param report receives a line for every file and every few seconds of work */
export async function writeModel(
  folder: string,
  configs: ModelConfigs,
  report: (line: string) => void,
): Promise<WrittenModel> {
  const { vocab_size, max_position_embeddings } = configs.textEncoder;
  const texts = new Map<string, string>([
    ['model_index.json', json(MODEL_INDEX)],
    ['scheduler/scheduler_config.json', json(SCHEDULER)],
    ['unet/config.json', json(configs.unet)],
    ['vae/config.json', json(configs.vae)],
    ['text_encoder/config.json', json(configs.textEncoder)],
  ]);
  for (const [name, text] of tokenizerFiles(vocab_size, max_position_embeddings)) {
    texts.set(`tokenizer/${name}`, text);
  }
  for (const [path, text] of texts) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const files = weightFiles(configs);
  let sizeBytes = [...texts.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  for (const file of files) sizeBytes += await writeWeights(join(folder, file.path), file, report);
  const parameters = files.flatMap((f) => f.specs).reduce((sum, spec) => sum + countValues(spec), 0);
  return { folder, sizeBytes, parameters };
}

async function writeWeights(path: string, file: WeightFile, report: (line: string) => void): Promise<number> {
  // The reference writer's order: wider types first, then by name.
  const specs = file.specs.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const header = describe(specs, file.positions);
  const values = specs.reduce((sum, spec) => sum + countValues(spec), 0);
  const sizeBytes = header.length + 8 * file.positions + 2 * values;
  if (existsSync(path) && statSync(path).size === sizeBytes) {
    report(`${file.path}: there already (${megabytes(sizeBytes)}).`);
    return sizeBytes;
  }
  const handle = openSync(`${path}.partial`, 'w');
  let done = 0;
  let reportedAt = performance.now();
  try {
    writeSync(handle, header);
    writeSync(
      handle,
      BigInt64Array.from({ length: file.positions }, (_, i) => BigInt(i)),
    );
    for (const spec of specs) {
      const total = countValues(spec);
      for (let from = 0; from < total; from += CHUNK_VALUES) {
        const count = Math.min(CHUNK_VALUES, total - from);
        writeSync(handle, seededHalves(spec.name, spec.shape, { from, count }));
        done += count;
      }
      if (performance.now() - reportedAt > 5000) {
        reportedAt = performance.now();
        report(`${file.path}: ${megabytes(2 * done)} of ${megabytes(2 * values)}.`);
        // Lets a signal to stop be heard.
        await new Promise(setImmediate);
      }
    }
  } finally {
    closeSync(handle);
  }
  const written = statSync(`${path}.partial`).size;
  if (written !== sizeBytes)
    throw new Error(`${path} has ${written} bytes instead of ${sizeBytes}; is the disk full?`);
  renameSync(`${path}.partial`, path);
  report(`${file.path}: written (${megabytes(sizeBytes)}, ${specs.length} tensors).`);
  return sizeBytes;
}

/** Length and JSON header of the file. */
function describe(specs: readonly ParameterSpec[], positions: number): Uint8Array {
  const entries: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 8 * positions;
  if (positions > 0) {
    const name = 'text_model.embeddings.position_ids';
    entries[name] = { dtype: 'I64', shape: [1, positions], data_offsets: [0, offset] };
  }
  for (const spec of specs) {
    const end = offset + 2 * countValues(spec);
    entries[spec.name] = { dtype: 'F16', shape: spec.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = JSON.stringify(entries);
  const bytes = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
  bytes.set(new TextEncoder().encode(text), 8);
  return bytes;
}

function countValues(spec: ParameterSpec): number {
  return spec.shape.reduce((product, size) => product * size, 1);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
