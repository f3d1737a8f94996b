// Builds ONNX models (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) node by node.

import { floatsToHalves } from '../../src/lib/half.ts';
import { Message } from './protobufWriter.ts';

/** A dimension: its size, or a name for one that is known only when the model runs. */
type OnnxDimension = number | string;

/** Attribute by name. Numbers become integers where they are whole; write `{ float: 1 }` for a float that is. */
type OnnxAttributes = Readonly<
  Record<string, number | string | readonly number[] | { readonly float: number }>
>;

const FLOAT = 1;
const INT64 = 7;
const FLOAT16 = 10;
const ATTRIBUTE = { float: 1, integer: 2, text: 3, integers: 7 } as const;
/** First version of the file format that allows operator set 20. */
const IR_VERSION = 9;
/** Operators outside the standard that ONNX Runtime brings. */
const CONTRIBUTED = 'com.microsoft';

/** A graph under construction. Values are named by strings; what is made gets a name of its own. */
export class OnnxGraph {
  readonly #graph = new Message();
  readonly #opset: number;
  readonly #halves: boolean;
  #count = 0;

  /** @param halves constants and arithmetic in float16; inputs and outputs stay float32 */
  constructor(name: string, opset: number, halves = false) {
    this.#opset = opset;
    this.#halves = halves;
    this.#graph.text(2, name);
  }

  /** Declares an input of floats. */
  input(name: string, shape: readonly OnnxDimension[]): string {
    this.#graph.message(11, valueInfo(name, shape));
    return this.#halves ? this.node('Cast', [name], { to: FLOAT16 }) : name;
  }

  /** Gives `value` to the caller of the model. */
  output(value: string, shape: readonly OnnxDimension[]): void {
    const given = this.#halves ? this.node('Cast', [value], { to: FLOAT }) : value;
    this.#graph.message(12, valueInfo(given, shape));
  }

  /** A constant of floats. */
  floats(data: Float32Array, shape: readonly number[]): string {
    if (this.#halves) {
      const bits = floatsToHalves(data);
      return this.#constant(FLOAT16, new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength), shape);
    }
    return this.#constant(FLOAT, new Uint8Array(data.buffer, data.byteOffset, data.byteLength), shape);
  }

  /** A constant vector of integers, such as a shape. */
  integers(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#constant(INT64, new Uint8Array(data.buffer), [values.length]);
  }

  /** Adds an operator with one output. */
  node(op: string, inputs: readonly string[], attributes: OnnxAttributes = {}): string {
    return this.nodes(op, inputs, attributes, 1)[0] as string;
  }

  /** Adds an operator of ONNX Runtime that the standard does not have. */
  contributed(op: string, inputs: readonly string[], attributes: OnnxAttributes = {}): string {
    return this.nodes(op, inputs, attributes, 1, CONTRIBUTED)[0] as string;
  }

  /** Adds an operator with several outputs. */
  nodes(
    op: string,
    inputs: readonly string[],
    attributes: OnnxAttributes,
    outputCount: number,
    domain = '',
  ): string[] {
    const outputs = Array.from({ length: outputCount }, () => this.#freshName(op));
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    for (const output of outputs) node.text(2, output);
    node.text(4, op);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    if (domain !== '') node.text(7, domain);
    this.#graph.message(1, node);
    return outputs;
  }

  /** The model as the bytes of an .onnx file. */
  encode(): Uint8Array {
    const opset = new Message().text(1, '').integer(2, this.#opset);
    const contributed = new Message().text(1, CONTRIBUTED).integer(2, 1);
    const model = new Message().integer(1, IR_VERSION).text(2, 'mi-tune-studio bench');
    return model.message(7, this.#graph).message(8, opset).message(8, contributed).encode();
  }

  #constant(dataType: number, bytes: Uint8Array, shape: readonly number[]): string {
    const name = this.#freshName('constant');
    const tensor = new Message();
    for (const size of shape) tensor.integer(1, size);
    this.#graph.message(5, tensor.integer(2, dataType).text(8, name).bytes(9, bytes));
    return name;
  }

  #freshName(kind: string): string {
    return `${kind}_${this.#count++}`;
  }
}

function attribute(name: string, value: OnnxAttributes[string]): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'string')
    return message.bytes(4, new TextEncoder().encode(value)).integer(20, ATTRIBUTE.text);
  if (typeof value === 'number' && Number.isInteger(value))
    return message.integer(3, value).integer(20, ATTRIBUTE.integer);
  if (typeof value === 'number') return message.float(2, value).integer(20, ATTRIBUTE.float);
  if ('float' in value) return message.float(2, value.float).integer(20, ATTRIBUTE.float);
  for (const integer of value) message.integer(8, integer);
  return message.integer(20, ATTRIBUTE.integers);
}

function valueInfo(name: string, shape: readonly OnnxDimension[]): Message {
  const dimensions = new Message();
  for (const size of shape) {
    const dimension = new Message();
    dimensions.message(1, typeof size === 'number' ? dimension.integer(1, size) : dimension.text(2, size));
  }
  const tensor = new Message().integer(1, FLOAT).message(2, dimensions);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}
