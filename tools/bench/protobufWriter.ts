// Writes protocol buffers (wire format: https://protobuf.dev/programming-guides/encoding), as far as ONNX files need it.

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

const utf8 = new TextEncoder();

/** One message: fields are appended in the order of the calls. */
export class Message {
  readonly #parts: Uint8Array[] = [];

  /** int32, int64, bool or enum. Negative values take ten bytes, as the format asks for. */
  integer(field: number, value: number | bigint): this {
    this.#parts.push(varint(tag(field, VARINT)), varint(BigInt(value)));
    return this;
  }

  float(field: number, value: number): this {
    this.#parts.push(varint(tag(field, FIXED32)), new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.encode());
  }

  bytes(field: number, value: Uint8Array): this {
    this.#parts.push(varint(tag(field, BYTES)), varint(BigInt(value.length)), value);
    return this;
  }

  encode(): Uint8Array {
    const encoded = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of this.#parts) {
      encoded.set(part, offset);
      offset += part.length;
    }
    return encoded;
  }
}

function tag(field: number, wireType: number): bigint {
  return BigInt(field * 8 + wireType);
}

/** Seven bits per byte, lowest first; all but the last byte have the high bit set. */
function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
