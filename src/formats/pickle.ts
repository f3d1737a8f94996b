/**
 * The part of Python's pickle that a state dict of PyTorch is written in (protocol 2, and what protocol 4 says shorter), and
 * the objects of a TorchScript archive, of which only the tensors are of interest.
 *
 * A pickle is a program: it may name any function of Python and have it called. This reader has no functions. It knows
 * the opcodes below and the few names of `pickledTensors.ts`, turns them into plain data, and refuses everything else.
 */
import { StudioError } from '../lib/errors.ts';
import {
  allowedName,
  applied,
  instanceOf,
  isModule,
  type Pickled,
  Problem,
  storageOf,
} from './pickledTensors.ts';

/** A mark on the stack, below the items of a collection. */
const MARK = { kind: 'mark' } as const;
const MAX_BYTES = 64 * 2 ** 20;
const MAX_STEPS = 4_000_000;
const STOP = 0x2e;

/** @throws StudioError `pickle-refused` with the position and the reason */
export function unpickle(bytes: Uint8Array, source: string): Pickled {
  const machine = new Machine(bytes);
  try {
    if (bytes.length > MAX_BYTES) throw new Problem(`it has ${bytes.length} bytes`);
    return machine.run();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const message = `${source} is refused at byte ${machine.at} of its pickle: ${error.message}.`;
    throw new StudioError('pickle-refused', message, {
      where: `${source}, byte ${machine.at}`,
      remedy: 'Only plain state dicts are read. Take the safetensors version of the model, if there is one.',
    });
  }
}

class Machine {
  /** Position of the next byte. */
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: (Pickled | typeof MARK)[] = [];
  readonly #memo = new Map<number, Pickled>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): Pickled {
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const op = this.#u8();
      if (op === STOP) {
        const result = this.#pop();
        if (this.#stack.length > 0) throw new Problem('something is left when it stops');
        return result;
      }
      const value = this.#literal(op) ?? this.#made(op);
      if (value !== undefined) this.#stack.push(value.pushed);
      else this.#change(op);
    }
    throw new Problem('it is too long');
  }

  /** Opcodes that push what is written after them. */
  #literal(op: number): { pushed: Pickled } | undefined {
    switch (op) {
      case 0x4e: // NONE
        return { pushed: null };
      case 0x88: // NEWTRUE
      case 0x89: // NEWFALSE
        return { pushed: op === 0x88 };
      case 0x4a: // BININT
        return { pushed: this.#view.getInt32(this.#skip(4), true) };
      case 0x4b: // BININT1
        return { pushed: this.#u8() };
      case 0x4d: // BININT2
        return { pushed: this.#view.getUint16(this.#skip(2), true) };
      case 0x8a: // LONG1
        return { pushed: this.#long() };
      case 0x47: // BINFLOAT
        return { pushed: this.#view.getFloat64(this.#skip(8), false) };
      case 0x58: // BINUNICODE
        return { pushed: this.#text(this.#u32()) };
      case 0x8c: // SHORT_BINUNICODE
        return { pushed: this.#text(this.#u8()) };
      case 0x7d: // EMPTY_DICT
        return { pushed: new Map() };
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return { pushed: [] };
      case 0x63: // GLOBAL
        return { pushed: allowedName(`${this.#line()}.${this.#line()}`) };
      default:
        return undefined;
    }
  }

  /** Opcodes that push what they make of the stack or of what was kept. */
  #made(op: number): { pushed: Pickled } | undefined {
    switch (op) {
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return { pushed: Array.from({ length: op - 0x84 }, () => this.#pop()).reverse() };
      case 0x74: // TUPLE
        return { pushed: this.#popToMark() };
      case 0x68: // BINGET
        return { pushed: this.#kept(this.#u8()) };
      case 0x6a: // LONG_BINGET
        return { pushed: this.#kept(this.#u32()) };
      case 0x93: {
        // STACK_GLOBAL
        const [name, module] = [this.#pop(), this.#pop()];
        return { pushed: allowedName(`${module}.${name}`) };
      }
      case 0x51: // BINPERSID
        return { pushed: storageOf(this.#pop()) };
      case 0x81: {
        // NEWOBJ
        const [args, type] = [this.#pop(), this.#pop()];
        return { pushed: instanceOf(type, args) };
      }
      case 0x52: {
        // REDUCE
        const [args, callee] = [this.#pop(), this.#pop()];
        return { pushed: applied(callee, args) };
      }
      default:
        return undefined;
    }
  }

  /** Opcodes that change what is there. */
  #change(op: number): void {
    switch (op) {
      case 0x80: // PROTO
        if (this.#u8() > 5) throw new Problem('its protocol is not known');
        break;
      case 0x95: // FRAME: a hint for readers of streams
        this.#skip(8);
        break;
      case 0x28: // MARK
        this.#stack.push(MARK);
        break;
      case 0x71: // BINPUT
        this.#memo.set(this.#u8(), this.#top());
        break;
      case 0x72: // LONG_BINPUT
        this.#memo.set(this.#u32(), this.#top());
        break;
      case 0x94: // MEMOIZE
        this.#memo.set(this.#memo.size, this.#top());
        break;
      case 0x62: // BUILD
        this.#setAttributes(this.#pop());
        break;
      case 0x73: {
        // SETITEM
        const [value, key] = [this.#pop(), this.#pop()];
        this.#set([key, value]);
        break;
      }
      case 0x75: // SETITEMS
        this.#set(this.#popToMark());
        break;
      case 0x61: // APPEND
        this.#append([this.#pop()]);
        break;
      case 0x65: // APPENDS
        this.#append(this.#popToMark());
        break;
      default:
        throw new Problem(`opcode 0x${op.toString(16)} is not part of any state dict`);
    }
  }

  /** Steps over some bytes; gives where they began. */
  #skip(length: number): number {
    if (this.at + length > this.#bytes.length) throw new Problem('it ends too early');
    this.at += length;
    return this.at - length;
  }

  #u8(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  #u32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  /** An integer of up to 8 bytes, two's complement. */
  #long(): number {
    const length = this.#u8();
    const start = this.#skip(length);
    if (length > 8) throw new Problem('a number is too long');
    let value = 0n;
    for (let i = 0; i < length; i++) value |= BigInt(this.#bytes[start + i] as number) << BigInt(8 * i);
    const number = Number(BigInt.asIntN(8 * Math.max(length, 1), value));
    if (!Number.isSafeInteger(number)) throw new Problem('a number is too large');
    return number;
  }

  #text(length: number): string {
    const start = this.#skip(length);
    try {
      const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
      return decoder.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw new Problem('a text is not UTF-8');
    }
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new Problem('it ends too early');
    const text = this.#text(end - this.at);
    this.#skip(1);
    return text;
  }

  #pop(): Pickled {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #top(): Pickled {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw new Problem('its stack is empty');
    return value as Pickled;
  }

  #popToMark(): Pickled[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw new Problem('its stack has no mark');
    return this.#stack.splice(at).slice(1) as Pickled[];
  }

  #kept(index: number): Pickled {
    const value = this.#memo.get(index);
    if (value === undefined) throw new Problem('it recalls what it never kept');
    return value;
  }

  #set(pairs: readonly Pickled[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map) || pairs.length % 2 !== 0)
      throw new Problem('it fills something else than a dict');
    for (let i = 0; i < pairs.length; i += 2) {
      const key = pairs[i];
      if (typeof key !== 'string' && typeof key !== 'number')
        throw new Problem('a key is neither text nor number');
      dict.set(key, pairs[i + 1] as Pickled);
    }
  }

  /** Of a module; those of an ordered dict are PyTorch's notes of versions, and dropped. */
  #setAttributes(attributes: Pickled): void {
    const object = this.#top();
    if (object instanceof Map) return;
    if (!isModule(object) || !(attributes instanceof Map))
      throw new Problem('it sets attributes of something else than a dict or a module');
    for (const [name, value] of attributes) object.attributes.set(name, value);
  }

  #append(items: readonly Pickled[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw new Problem('it appends to something else than a list');
    for (const item of items) list.push(item);
  }
}
