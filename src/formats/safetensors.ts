/**
 * The safetensors container: 8 bytes header length (u64, little-endian), a JSON header padded with spaces to a
 * multiple of 8, then the tensors without gaps. Format and rules:
 * https://github.com/huggingface/safetensors (README "Format", `Metadata::validate` in src/tensor.rs).
 *
 * Files are untrusted: nothing is allocated from a number in the header before it was checked against the size of
 * the file. Opening reads the header alone, so files of several GB cost what their tensors cost, one by one.
 */
import * as v from 'valibot';
import type { ByteSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { bfloat16sToFloats, floatsToHalves, halvesToFloats } from '../lib/half.ts';
import { findDuplicateKey } from '../lib/json.ts';
import {
  DTYPE_BYTES,
  DTYPES,
  type Dtype,
  METADATA_KEY,
  planSafetensors,
  type WritableTensor,
} from './safetensorsLayout.ts';

const MAX_HEADER_BYTES = 100_000_000; // the reference reader's limit
/** Most bytes of a tensor that are read at once: a text embedding table in float32 has 202 MB. */
export const PIECE_BYTES = 16 * 2 ** 20;

export type TensorEntry = {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Absolute position in the file. */
  readonly offset: number;
  readonly sizeBytes: number;
};

export type SafetensorsFile = {
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the data. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** The values as float32, whatever they are stored as; 64-bit types are rounded. */
  readF32(tensor: string): Promise<Float32Array>;
  /** The values as bits of float16; an F16 tensor is passed through untouched, others are rounded. */
  readHalfBits(tensor: string): Promise<Uint16Array>;
  /** The stored bytes. */
  readRaw(tensor: string): Promise<Uint8Array>;
};

/**
 * Reads and checks the header.
 * @throws StudioError `safetensors-invalid` with what is wrong and where, or whatever the source throws
 */
export async function openSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  const { metadata, entries } = await readHeader(source);

  const entryOf = (tensor: string): TensorEntry => {
    const entry = entries.get(tensor);
    if (entry) return entry;
    throw new StudioError('tensor-missing', `${source.name} has no tensor called ${tensor}.`, {
      remedy: 'Check that the file belongs to this model.',
      where: tensor,
    });
  };
  /** Reads a tensor piece by piece, so that beside the values only one piece is in memory. */
  const readPieces = async (
    { dtype, offset, sizeBytes }: TensorEntry,
    take: (data: ArrayBuffer, firstValue: number) => void,
  ): Promise<void> => {
    for (let from = 0; from < sizeBytes; from += PIECE_BYTES) {
      const bytes = await source.read(offset + from, Math.min(PIECE_BYTES, sizeBytes - from));
      // A copy: typed views need alignment, which a view of a source may lack.
      take(new Uint8Array(bytes).buffer, from / DTYPE_BYTES[dtype]);
    }
  };
  const countOf = ({ dtype, sizeBytes }: TensorEntry): number => sizeBytes / DTYPE_BYTES[dtype];

  return {
    name: source.name,
    metadata,
    entries,
    readF32: async (tensor) => {
      const entry = entryOf(tensor);
      const values = new Float32Array(countOf(entry));
      await readPieces(entry, (data, first) => values.set(decodeFloats(entry.dtype, data), first));
      return values;
    },
    readHalfBits: async (tensor) => {
      const entry = entryOf(tensor);
      const halves = new Uint16Array(countOf(entry));
      await readPieces(entry, (data, first) =>
        halves.set(
          entry.dtype === 'F16' ? new Uint16Array(data) : floatsToHalves(decodeFloats(entry.dtype, data)),
          first,
        ),
      );
      return halves;
    },
    readRaw: async (tensor) => {
      const { offset, sizeBytes } = entryOf(tensor);
      return source.read(offset, sizeBytes);
    },
  };
}

/** Stored values as float32; 64-bit types are rounded. The length of the data must be whole. */
export function decodeFloats(dtype: Dtype, data: ArrayBuffer): Float32Array {
  switch (dtype) {
    case 'F32':
      return new Float32Array(data);
    case 'F16':
      return halvesToFloats(new Uint16Array(data));
    case 'BF16':
      return bfloat16sToFloats(new Uint16Array(data));
    case 'F64':
      return new Float32Array(new Float64Array(data));
    case 'I64':
      return Float32Array.from(new BigInt64Array(data), Number);
    case 'I32':
      return new Float32Array(new Int32Array(data));
    case 'I16':
      return new Float32Array(new Int16Array(data));
    case 'I8':
      return new Float32Array(new Int8Array(data));
    case 'U8':
    case 'BOOL':
      return new Float32Array(new Uint8Array(data));
    default:
      return dtype satisfies never;
  }
}

const naturalSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const tensorSchema = v.object({
  dtype: v.picklist(DTYPES),
  shape: v.array(naturalSchema),
  data_offsets: v.tuple([naturalSchema, naturalSchema]),
});
const metadataSchema = v.custom<Record<string, string>>(
  (value) => isTable(value) && Object.values(value).every((text) => typeof text === 'string'),
  'must hold text only',
);

type Header = Pick<SafetensorsFile, 'metadata' | 'entries'>;

async function readHeader(source: ByteSource): Promise<Header> {
  if (source.sizeBytes < 8)
    throw invalid(source, `it has ${source.sizeBytes} bytes, fewer than any such file`);
  const prefix = await source.read(0, 8);
  const headerBytes = Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > Math.min(MAX_HEADER_BYTES, source.sizeBytes - 8)) {
    throw invalid(source, `its header would be ${headerBytes} bytes long, the file has ${source.sizeBytes}`);
  }
  const header = parseHeader(source, await source.read(8, headerBytes));
  const dataStart = 8 + headerBytes;
  const entries: TensorEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA_KEY) metadata = check(source, metadataSchema, value, METADATA_KEY);
    else entries.push(toEntry(source, name, check(source, tensorSchema, value, name), dataStart));
  }
  entries.sort((a, b) => a.offset - b.offset || a.sizeBytes - b.sizeBytes);
  assertContiguous(source, entries, dataStart);
  return { metadata, entries: new Map(entries.map((entry) => [entry.name, entry])) };
}

function parseHeader(source: ByteSource, bytes: Uint8Array): object {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (cause) {
    throw invalid(source, 'its header is not JSON', 'header', cause);
  }
  if (!isTable(header)) {
    throw invalid(source, 'its header is not a table of tensors', 'header');
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw invalid(source, `it names the tensor ${duplicate} twice`, duplicate);
  return header;
}

function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function check<T>(source: ByteSource, schema: v.GenericSchema<unknown, T>, value: unknown, where: string): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw invalid(source, `${v.getDotPath(issue) ?? 'the entry'} of ${where}: ${issue.message}`, where);
}

function toEntry(
  source: ByteSource,
  name: string,
  { dtype, shape, data_offsets: [start, end] }: v.InferOutput<typeof tensorSchema>,
  dataStart: number,
): TensorEntry {
  const sizeBytes = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
  if (end - start !== sizeBytes) {
    const problem = `${name} has ${end - start} bytes, not the size of ${dtype} [${shape.join(', ')}]`;
    throw invalid(source, problem, name);
  }
  return { name, dtype, shape, offset: dataStart + start, sizeBytes };
}

/** Entries, sorted by offset, must cover the data once: no hole, no overlap, no byte left over or missing. */
function assertContiguous(source: ByteSource, entries: readonly TensorEntry[], dataStart: number): void {
  let end = dataStart;
  for (const { name, offset, sizeBytes } of entries) {
    if (offset !== end) throw invalid(source, `${name} starts at byte ${offset} instead of ${end}`, name);
    end += sizeBytes;
  }
  if (end !== source.sizeBytes) {
    throw invalid(source, `its tensors end at byte ${end}, the file at ${source.sizeBytes}`);
  }
}

function invalid(source: ByteSource, problem: string, where = source.name, cause?: unknown): StudioError {
  const message = `${source.name} is not a usable safetensors file: ${problem}.`;
  return new StudioError('safetensors-invalid', message, {
    remedy: 'Download the file again; if that does not help, convert the model again from its source.',
    where,
    cause,
  });
}

/**
 * A whole file, byte for byte as the reference library writes it.
 * @throws StudioError `safetensors-write` for a duplicate or reserved name, or data that do not fill the shape
 */
export function writeSafetensors(
  tensors: readonly WritableTensor[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const { header, order, dataBytes } = planSafetensors(tensors, metadata);
  const file = new Uint8Array(header.byteLength + dataBytes);
  file.set(header);
  let offset = header.byteLength;
  for (const { tensor, sizeBytes } of order) {
    const { name, shape, data } = tensor;
    if (data.byteLength !== sizeBytes) {
      throw new StudioError('safetensors-write', `The tensor ${name} cannot be written.`, {
        remedy: `Its shape [${shape.join(', ')}] must hold the ${data.length} values.`,
        where: name,
      });
    }
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += sizeBytes;
  }
  return file;
}
