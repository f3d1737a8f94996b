/** Where tensors lie in a safetensors file: types and their sizes, order and header. */
import { StudioError } from '../lib/errors.ts';

/** Bytes of one element, in the order in which the reference writer stores the types. */
export const DTYPE_BYTES = {
  I64: 8,
  F64: 8,
  F32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;
export type Dtype = keyof typeof DTYPE_BYTES;
export const DTYPES = Object.keys(DTYPE_BYTES) as Dtype[];
export const METADATA_KEY = '__metadata__';

/** F16 data are bit patterns, see `floatsToHalves`. */
export type WritableTensor = { readonly name: string; readonly shape: readonly number[] } & (
  | { readonly dtype: 'F32'; readonly data: Float32Array }
  | { readonly dtype: 'F16'; readonly data: Uint16Array }
  | { readonly dtype: 'I32'; readonly data: Int32Array }
);

type Described = { readonly name: string; readonly shape: readonly number[]; readonly dtype: Dtype };

export type Layout<T extends Described> = {
  /** Length, JSON and padding. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** In the order of the data. */
  readonly order: readonly { readonly tensor: T; readonly sizeBytes: number }[];
  readonly dataBytes: number;
};

/**
 * The layout that the reference library gives a file: larger types first, then by name. Several metadata entries keep the
 * order given here (the library's own order is random).
 * @throws StudioError `safetensors-write` for a duplicate or reserved name
 */
export function planSafetensors<T extends Described>(
  tensors: readonly T[],
  metadata?: Readonly<Record<string, string>>,
): Layout<T> {
  const rank = (tensor: T) => DTYPES.indexOf(tensor.dtype);
  const sorted = tensors.toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  const fields = metadata ? [`"${METADATA_KEY}":${JSON.stringify(metadata)}`] : [];
  const names = new Set([METADATA_KEY]);
  let dataBytes = 0;
  const order = sorted.map((tensor) => {
    const { name, dtype, shape } = tensor;
    if (names.has(name)) {
      throw new StudioError('safetensors-write', `The tensor ${name} cannot be written.`, {
        remedy: `Names must be unique, and none may be ${METADATA_KEY}.`,
        where: name,
      });
    }
    names.add(name);
    const sizeBytes = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
    const info = { dtype, shape, data_offsets: [dataBytes, dataBytes + sizeBytes] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
    dataBytes += sizeBytes;
    return { tensor, sizeBytes };
  });
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(8 + headerBytes).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(headerBytes), true);
  header.set(json, 8);
  return { header, order, dataBytes };
}
