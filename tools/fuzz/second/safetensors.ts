// A second reader of safetensors files, by the format's own text: everything at once, nothing checked that is not needed.

export type PlainTensor = {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
};

/** Tensors of a file that is known to be well-formed. */
export function plainTensors(file: Uint8Array): Map<string, PlainTensor> {
  let length = 0;
  for (let i = 7; i >= 0; i--) length = length * 256 + (file[i] as number);
  const header = JSON.parse(Buffer.from(file.slice(8, 8 + length)).toString('utf8')) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, PlainTensor>();
  for (const name of Object.keys(header)) {
    if (name === '__metadata__') continue;
    const entry = header[name] as { dtype: string; shape: number[]; data_offsets: [number, number] };
    const [start, end] = entry.data_offsets;
    tensors.set(name, { ...entry, bytes: file.slice(8 + length + start, 8 + length + end) });
  }
  return tensors;
}

/** A number of a little-endian type, bit by bit; NaN stays NaN. */
export function plainNumber({ dtype, bytes }: PlainTensor, at: number): number {
  switch (dtype) {
    case 'F16':
      return fromBits(bytes[2 * at] as number, bytes[2 * at + 1] as number, 5);
    case 'BF16':
      return fromBits(bytes[2 * at] as number, bytes[2 * at + 1] as number, 8);
    case 'F32':
      return Buffer.from(bytes).readFloatLE(4 * at);
    case 'F64':
      return Math.fround(Buffer.from(bytes).readDoubleLE(8 * at));
    case 'I64':
      return Math.fround(Number(Buffer.from(bytes).readBigInt64LE(8 * at)));
    case 'I32':
      return Math.fround(Buffer.from(bytes).readInt32LE(4 * at));
    case 'I16':
      return Buffer.from(bytes).readInt16LE(2 * at);
    case 'I8':
      return Buffer.from(bytes).readInt8(at);
    default:
      return bytes[at] as number;
  }
}

/** A float of 16 bits with so many bits of exponent. */
function fromBits(low: number, high: number, exponentBits: number): number {
  const bits = low + 256 * high;
  const mantissaBits = 15 - exponentBits;
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = Math.floor((bits % 0x8000) / 2 ** mantissaBits);
  const fraction = (bits % 2 ** mantissaBits) / 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1)
    return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}
