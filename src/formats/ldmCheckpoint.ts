/** A single-file checkpoint seen as a folder in diffusers layout: nothing is copied, ranges are read where they lie. */
import type { Prediction } from '../contract/spec.ts';
import { assertRange, type ByteSource, bytesSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { LDM_FAMILIES, LDM_SCHEDULER, type LdmFamily } from './ldmConfigs.ts';
import { type LdmTensor, mapLdmNames } from './ldmKeys.ts';
import { openSafetensors, type SafetensorsFile, type TensorEntry } from './safetensors.ts';

type LdmCheckpoint = {
  readonly family: LdmFamily;
  readonly prediction: Prediction;
  /** True if nobody said what is predicted and nothing in the file or its name tells: epsilon is a guess then. */
  readonly predictionGuessed: boolean;
  /** Files in diffusers layout but for the tokenizer's vocabulary: configs, and weights read from the checkpoint. */
  readonly files: ReadonlyMap<string, ByteSource>;
};

type LdmOptions = {
  /** What the network predicts, where the user knows. */
  readonly prediction?: Prediction | null;
  /** Name to guess from, such as `v2-1_768-ema-pruned.safetensors`; the source's if left out. */
  readonly name?: string;
  readonly families?: readonly LdmFamily[];
};

/**
 * Reads the header alone.
 * @throws StudioError `checkpoint-unsupported` for models of other families and incomplete ones, or as `openSafetensors`
 */
export async function openLdmCheckpoint(
  source: ByteSource,
  options: LdmOptions = {},
): Promise<LdmCheckpoint> {
  const file = await openSafetensors(source);
  const family = findFamily(file, options.families ?? LDM_FAMILIES);
  const shapes = new Map([...file.entries].map(([name, { shape }]) => [name, shape]));
  const parts = mapLdmNames(shapes, { textLayers: family.text.num_hidden_layers });
  const known = options.prediction ?? readPrediction(file, options.name ?? source.name);
  const prediction = known ?? 'epsilon';
  const weights = (path: string, tensors: readonly LdmTensor[]): [string, ByteSource] => [
    path,
    viewTensors(source, file.entries, tensors, path),
  ];
  return {
    family,
    prediction,
    predictionGuessed: known === null,
    files: new Map([
      text('model_index.json', { _class_name: 'StableDiffusionPipeline' }),
      text('unet/config.json', { ...family.unet, sample_size: family.sampleSize[prediction] }),
      text('vae/config.json', family.vae),
      text('text_encoder/config.json', family.text),
      text('tokenizer/tokenizer_config.json', family.tokenizer),
      text('tokenizer/special_tokens_map.json', family.specialTokens),
      text('scheduler/scheduler_config.json', { ...LDM_SCHEDULER, prediction_type: prediction }),
      weights('unet/diffusion_pytorch_model.safetensors', parts.unet),
      weights('vae/diffusion_pytorch_model.safetensors', parts.vae),
      weights('text_encoder/model.safetensors', parts.text),
    ]),
  };
}

/** By the width of what the first cross attention reads. */
function findFamily(file: SafetensorsFile, families: readonly LdmFamily[]): LdmFamily {
  const cross = [...file.entries.values()].find(({ name }) =>
    /^model\.diffusion_model\..*\.attn2\.to_k\.weight$/.test(name),
  );
  const width = cross?.shape[1];
  const family = families.find(({ contextWidth }) => contextWidth === width);
  if (family !== undefined) return family;
  const problem =
    width === undefined
      ? 'it holds no Stable Diffusion network'
      : `its UNet reads texts of width ${width}, as none of ${families.map(({ title }) => title).join(' and ')} does`;
  throw new StudioError('checkpoint-unsupported', `${file.name} cannot be read: ${problem}.`, {
    remedy:
      'Take a checkpoint of Stable Diffusion 1.x or 2.x, or such a model as a folder in diffusers layout.',
    where: cross?.name ?? file.name,
  });
}

/** What metadata (https://github.com/Stability-AI/ModelSpec) or, failing that, the file's name says; null if neither. */
function readPrediction(file: SafetensorsFile, name: string): Prediction | null {
  const said = file.metadata['modelspec.prediction_type'];
  if (said !== undefined) return /^v/i.test(said) ? 'v_prediction' : 'epsilon';
  if (/(^|[^0-9])768|v[-_]?pred/i.test(name)) return 'v_prediction';
  if (/(^|[^0-9])512|base|v?1[-_.][345]/i.test(name)) return 'epsilon';
  return null;
}

/** A safetensors file that is put together on reading: a header of its own, then ranges of another source. */
function viewTensors(
  source: ByteSource,
  entries: ReadonlyMap<string, TensorEntry>,
  tensors: readonly LdmTensor[],
  name: string,
): ByteSource {
  const ranges = tensors.map((tensor) => ({
    tensor,
    ...rangeOf(entries.get(tensor.from) as TensorEntry, tensor),
  }));
  let end = 0;
  const header: Record<string, object> = {};
  for (const { tensor, dtype, length } of ranges) {
    header[tensor.name] = { dtype, shape: tensor.shape, data_offsets: [end, end + length] };
    end += length;
  }
  const head = headerBytes(header);
  const pieces: Piece[] = [
    { start: 0, length: head.byteLength, read: async (at, n) => head.subarray(at, at + n) },
  ];
  let start = head.byteLength;
  for (const { offset, length } of ranges) {
    pieces.push({ start, length, read: (at, n) => source.read(offset + at, n) });
    start += length;
  }
  const sizeBytes = start;
  return {
    name,
    sizeBytes,
    read: async (offset, length) => {
      assertRange(name, sizeBytes, offset, length);
      return readPieces(pieces, offset, length);
    },
  };
}

type Piece = {
  readonly start: number;
  readonly length: number;
  /** `n` bytes from the position `at` of the piece. */
  read(at: number, n: number): Promise<Uint8Array>;
};

async function readPieces(pieces: readonly Piece[], offset: number, length: number): Promise<Uint8Array> {
  const first = pieces.findIndex((piece) => offset < piece.start + piece.length);
  const start = pieces[first];
  if (start === undefined) return new Uint8Array(0); // nothing, at the very end
  // Readers ask for one tensor at a time: no copy then.
  if (offset + length <= start.start + start.length) return start.read(offset - start.start, length);
  const bytes = new Uint8Array(length);
  let done = 0;
  for (let i = first; i < pieces.length && done < length; i++) {
    const piece = pieces[i] as Piece;
    const at = offset + done - piece.start;
    const part = await piece.read(at, Math.min(piece.length - at, length - done));
    bytes.set(part, done);
    done += part.byteLength;
  }
  return bytes;
}

function rangeOf(entry: TensorEntry, { rows }: LdmTensor): { dtype: string; offset: number; length: number } {
  const { dtype, shape, offset, sizeBytes } = entry;
  if (rows === null) return { dtype, offset, length: sizeBytes };
  const rowBytes = sizeBytes / (shape[0] as number);
  return { dtype, offset: offset + rows.start * rowBytes, length: rows.count * rowBytes };
}

/** Length, JSON, and spaces up to a multiple of 8. */
function headerBytes(header: object): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const size = Math.ceil(json.byteLength / 8) * 8;
  const bytes = new Uint8Array(8 + size).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(size), true);
  bytes.set(json, 8);
  return bytes;
}

function text(path: string, value: object): [string, ByteSource] {
  return [path, bytesSource(new TextEncoder().encode(JSON.stringify(value)), path)];
}
