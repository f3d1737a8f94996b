import type { Tensor1D } from '../tensor/tf.ts';
import type { Weight } from '../tensor/weights.ts';
import type { Table } from './table.ts';

/** A dense layer: weight in memory [in, out] whatever the checkpoint's layout. */
export type Linear = { readonly name: string; readonly w: Weight; readonly b: Tensor1D | null };
/** A convolution: weight in memory [kh, kw, in, out]. */
export type Conv = { readonly name: string; readonly w: Weight; readonly b: Tensor1D };
/** Scale and shift of a normalization layer, [C] each. */
export type Norm = { readonly gamma: Tensor1D; readonly beta: Tensor1D };

/**
 * How a checkpoint tensor is laid out and brought into memory:
 * `vector` as it is; `linear` [out, in] -> [in, out]; `pointwise` [out, in, 1, 1] -> [in, out];
 * `patch` [out, in, k, k] -> [in k k, out], for a convolution whose windows do not overlap;
 * `conv` [out, in, kh, kw] -> [kh, kw, in, out]; `table` stays on the CPU.
 */
type ParameterKind = 'vector' | 'linear' | 'pointwise' | 'patch' | 'conv' | 'table';

/** One tensor that a model expects in its checkpoint, by its diffusers or transformers name. */
export type ParameterSpec = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: ParameterKind;
};

/** Hands out parameters by name; a model is built by asking for every one of its parameters once. */
export interface ParameterSource {
  vector(name: string, length: number): Tensor1D;
  weight(name: string, kind: Exclude<ParameterKind, 'vector' | 'table'>, shape: readonly number[]): Weight;
  table(name: string, rows: number, width: number): Table;
}

/** Dense layer `name`.weight [out, in] and, if `bias`, `name`.bias [out]. */
export function linear(
  p: ParameterSource,
  name: string,
  inputs: number,
  outputs: number,
  bias: boolean,
): Linear {
  return {
    name,
    w: p.weight(`${name}.weight`, 'linear', [outputs, inputs]),
    b: bias ? p.vector(`${name}.bias`, outputs) : null,
  };
}

/** A 1x1 convolution [out, in, 1, 1] with bias, which is a dense layer over channels. */
export function pointwise(p: ParameterSource, name: string, inputs: number, outputs: number): Linear {
  return {
    name,
    w: p.weight(`${name}.weight`, 'pointwise', [outputs, inputs, 1, 1]),
    b: p.vector(`${name}.bias`, outputs),
  };
}

/** A 3x3 convolution with bias. */
export function conv3(p: ParameterSource, name: string, inputs: number, outputs: number): Conv {
  return {
    name,
    w: p.weight(`${name}.weight`, 'conv', [outputs, inputs, 3, 3]),
    b: p.vector(`${name}.bias`, outputs),
  };
}

/** A normalization layer over `channels`. */
export function norm(p: ParameterSource, name: string, channels: number): Norm {
  return { gamma: p.vector(`${name}.weight`, channels), beta: p.vector(`${name}.bias`, channels) };
}

/** A source that only writes down what is asked for: the parameter list of a model. */
export function recordParameters(build: (source: ParameterSource) => unknown): readonly ParameterSpec[] {
  const specs: ParameterSpec[] = [];
  const nothing = null as never;
  build({
    vector(name, length) {
      specs.push({ name, shape: [length], kind: 'vector' });
      return nothing;
    },
    weight(name, kind, shape) {
      specs.push({ name, shape, kind });
      return nothing;
    },
    table(name, rows, width) {
      specs.push({ name, shape: [rows, width], kind: 'table' });
      return nothing;
    },
  });
  return specs;
}

/** Number of scalars in a parameter list. */
export function countParameters(specs: readonly ParameterSpec[]): number {
  return specs.reduce((sum, s) => sum + s.shape.reduce((a, b) => a * b, 1), 0);
}
