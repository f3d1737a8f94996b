/** Launches of shaders with one thread per element, four elements at a time where the sizes allow it. */

import { sizeOf, type TensorInfo, type WebGPUBackend } from '../tf.ts';
import type { Uniform } from './bindings.ts';
import { flatGroups, type Launch, launch, u32 } from './launch.ts';
import type { Shader } from './shader.ts';
import { SHADERS } from './shaders.ts';

type Elementwise = Pick<Launch, 'label' | 'pieces' | 'inputs' | 'outputs'> & {
  /** Shape that the threads cover. */
  readonly over: readonly number[];
  /** A row whose width the shader asks for; packs never cross rows. */
  readonly width?: number;
  /** Uniforms after the number of packs and the width. */
  readonly uniforms?: readonly Uniform[];
};

/** One invocation for each value, or for four where the width allows it. */
export function launchElementwise(backend: WebGPUBackend, spec: Elementwise): TensorInfo[] {
  const size = sizeOf(spec.over);
  const lanes = (spec.width ?? size) % 4 === 0 ? 4 : 1;
  const widths = spec.width === undefined ? [] : [u32(spec.width / lanes)];
  return launch(backend, {
    label: `${spec.label}/${lanes}`,
    pieces: () => [SHADERS.each_pack, ...spec.pieces(), packOf(lanes)],
    inputs: spec.inputs,
    outputs: spec.outputs,
    uniforms: [u32(size / lanes), ...widths, ...(spec.uniforms ?? [])],
    groups: flatGroups(backend, size / lanes),
  });
}

/** What an element is: four neighboring values, or one. */
export function packOf(lanes: 1 | 4): Shader {
  return lanes === 4 ? SHADERS.pack_vec4 : SHADERS.pack_scalar;
}

/** Names of the inputs of a shader whose number of tensors varies. */
type Variadic = { readonly names: readonly string[]; readonly element: 'Pack' | 'f32' };

/** Bindings of one output and of any number of inputs, from 1. */
export function bindings(output: string, { names, element }: Variadic): string {
  const declare = (name: string, i: number, access: string): string =>
    `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${element}>;\n`;
  return [
    '@group(0) @binding(0) var<uniform> params: Params;\n',
    declare(output, 1, 'read_write'),
    ...names.map((name, i) => declare(name, i + 2, 'read')),
  ].join('');
}
