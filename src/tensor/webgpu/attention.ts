/** Attention on webgpu without stored scores: launches of the attention shaders. */
import { type AttentionOptions, scoreScale } from '../composed/attention.ts';
import type { TensorInfo, WebGPUBackend } from '../tf.ts';
import { longestWork } from './encoder.ts';
import { type Dispatch, f32, flatGroups, type Launch, launch, launchOne, u32 } from './launch.ts';
import { constants, type Shader, unroll, withSubgroups } from './shader.ts';
import { SHADERS } from './shaders.ts';
import { chosenVariant, type VariantOf } from './variantState.ts';

/** A thread of the register form keeps 2 to 4 rows of the head; wider heads would spill, and are always tiled. */
const widestInRegisters = 160;

/** Keys that a thread of the register form takes at a time: fewer where it has no registers to spare. */
function keysAtOnceFor(head4: number): number {
  return head4 <= 20 ? 4 : 1;
}

/** Rows of a workgroup. */
const rowsOf = { registers: 64, tiled: 32 } as const;

type Inputs = Readonly<Record<'q' | 'k' | 'v', TensorInfo>>;
type GradientInputs = Inputs & Readonly<Record<'o' | 'state' | 'dy', TensorInfo>>;

/** True when the shaders take heads of this width; otherwise the composed form has to do. */
export function attentionFits(q: TensorInfo, heads: number): boolean {
  return headWidth(q, heads) % 4 === 0;
}

/** @returns o [N,Lq,D] and the logarithms of the softmax denominators [N,heads,Lq] */
export function launchAttention(
  backend: WebGPUBackend,
  inputs: Inputs,
  options: AttentionOptions,
): TensorInfo[] {
  const { q, k, v } = inputs;
  const [batch, queries] = q.shape as [number, number, number];
  const form = formOf('attention', q, options.heads);
  const tile = rowsOf[form === 'registers' ? form : 'tiled'];
  return launch(backend, {
    ...(form === 'registers' ? perRow('attention', q, options) : attentionTiled(q, options, form)),
    outputs: [q.shape, [batch, options.heads, queries]],
    inputs: [q, k, v],
    ...parts(backend, { rows: queries, tile, products: 2 }, inputs, options),
  });
}

/** The weights of a tile by one thread of a row, or by four that pass on what they have. */
function attentionTiled(q: TensorInfo, options: AttentionOptions, form: 'workgroup' | 'subgroups'): Text {
  const { attention_tiled: shader, attention_operands: operands } = SHADERS;
  return form === 'workgroup'
    ? tiled('attention_tiled', shader, q, options, operands, SHADERS.weights_by_rows)
    : tiled('attention_tiled/quads', shader, q, options, operands, SHADERS.weights_by_quads, withSubgroups);
}

/** @returns dq, dk, dv */
export function launchAttentionGradient(
  backend: WebGPUBackend,
  inputs: GradientInputs,
  options: AttentionOptions,
): TensorInfo[] {
  return formOf('attention_gradient', inputs.q, options.heads) === 'registers'
    ? gradientPerRow(backend, inputs, options)
    : gradientTiled(backend, inputs, options);
}

function gradientPerRow(
  backend: WebGPUBackend,
  inputs: GradientInputs,
  options: AttentionOptions,
): TensorInfo[] {
  const { q, k, v, o, state, dy } = inputs;
  const [batch, queries] = q.shape as [number, number, number];
  const tile = rowsOf.registers;
  const [dq, delta] = launch(backend, {
    ...perRow('attention_gradient_q', q, options),
    outputs: [q.shape, [batch, options.heads, queries]],
    inputs: [q, k, v, o, dy, state],
    ...parts(backend, { rows: queries, tile, products: 3 }, inputs, options),
  }) as [TensorInfo, TensorInfo];
  const [dk, dv] = launch(backend, {
    ...perRow('attention_gradient_kv', q, options),
    outputs: [k.shape, v.shape],
    inputs: [q, k, v, dy, state, delta],
    ...parts(backend, { rows: k.shape[1] as number, tile, products: 4 }, inputs, options),
  }) as [TensorInfo, TensorInfo];
  backend.disposeData(delta.dataId);
  return [dq, dk, dv];
}

function gradientTiled(
  backend: WebGPUBackend,
  inputs: GradientInputs,
  options: AttentionOptions,
): TensorInfo[] {
  const { q, k, v, o, state, dy } = inputs;
  const { heads } = options;
  const [batch, queries] = q.shape as [number, number, number];
  const rows = batch * heads * queries;
  const delta = launchOne(backend, {
    label: 'attention_delta',
    pieces: () => [SHADERS.attention_delta],
    outputs: [[batch, heads, queries]],
    inputs: [o, dy],
    uniforms: [rows, queries, heads, headWidth(q, heads) / 4].map(u32),
    groups: flatGroups(backend, rows),
  });
  const gradient = (name: 'dq' | 'dk' | 'dv', operands: readonly TensorInfo[]): TensorInfo => {
    const slopes = name !== 'dv';
    const ofKeys = name !== 'dq';
    const shape = ofKeys ? k.shape : q.shape;
    const form = constants({ rows_are_keys: ofKeys, slopes });
    const grid = { rows: shape[1] as number, tile: rowsOf.tiled, products: slopes ? 3 : 2, ofKeys };
    return launchOne(backend, {
      ...tiled(`attention_tiled_gradient/${name}`, SHADERS.attention_tiled_gradient, q, options, form),
      outputs: [shape],
      inputs: [...operands, state, delta],
      ...parts(backend, grid, inputs, options),
    });
  };
  const dq = gradient('dq', [q, dy, k, v]);
  const dk = gradient('dk', [k, v, q, dy]);
  const dv = gradient('dv', [k, v, q, dy]);
  backend.disposeData(delta.dataId);
  return [dq, dk, dv];
}

function headWidth(q: TensorInfo, heads: number): number {
  return (q.shape[2] as number) / heads;
}

function formOf<Op extends 'attention' | 'attention_gradient'>(
  op: Op,
  q: TensorInfo,
  heads: number,
): VariantOf<Op> | 'workgroup' {
  const form = chosenVariant(op);
  return form === 'registers' && headWidth(q, heads) > widestInRegisters ? 'workgroup' : form;
}

type Text = Pick<Launch, 'label' | 'pieces'>;

/** A shader with one thread per row. */
function perRow(
  name: 'attention' | 'attention_gradient_q' | 'attention_gradient_kv',
  q: TensorInfo,
  { heads }: AttentionOptions,
): Text {
  const head4 = headWidth(q, heads) / 4;
  const keysAtOnce = keysAtOnceFor(head4);
  return {
    label: `${name}/${4 * head4}`,
    pieces: () => [
      unroll(SHADERS[name], { D: head4, K: keysAtOnce }),
      SHADERS.attention_operands,
      constants({ head4, keys_at_once: keysAtOnce }),
    ],
  };
}

/** A shader whose 16 threads of a row share the head. */
function tiled(
  label: string,
  shader: Shader,
  q: TensorInfo,
  { heads }: AttentionOptions,
  ...chosen: readonly Shader[]
): Text {
  const head4 = headWidth(q, heads) / 4;
  return {
    label: `${label}/${4 * head4}`,
    pieces: () => [unroll(shader, { D: Math.ceil(head4 / 16) }), constants({ head4 }), ...chosen],
  };
}

type RowGrid = {
  /** Rows of the result, and how many of them a workgroup takes. */
  readonly rows: number;
  readonly tile: number;
  /** Multiply-adds per pair of tokens and element of a head. */
  readonly products: number;
  /** The rows are keys: the other sequence comes second in the uniforms of the tiled gradient. */
  readonly ofKeys?: boolean;
};

/** Dispatches over the rows of one result, each short of the watchdog and of the limit of workgroups. */
function parts(
  backend: WebGPUBackend,
  { rows, tile, products, ofKeys = false }: RowGrid,
  { q, k }: Inputs,
  { heads, causal }: AttentionOptions,
): Dispatch & Pick<Launch, 'more' | 'work'> {
  const [batch, queries, width] = q.shape as [number, number, number];
  const keys = k.shape[1] as number;
  const work = batch * queries * keys * width * products;
  const limit = backend.device.limits.maxComputeWorkgroupsPerDimension;
  const tiles = Math.ceil(rows / tile);
  const count = Math.min(tiles, Math.max(Math.ceil(work / longestWork), Math.ceil(tiles / limit)));
  const step = Math.ceil(tiles / count);
  const lengths = ofKeys ? [keys, queries] : [queries, keys];
  const fixed = [...[...lengths, heads, causal ? 1 : 0].map(u32), f32(scoreScale(q, heads))];
  const all = Array.from(
    { length: Math.ceil(tiles / step) },
    (_, i): Dispatch => ({
      uniforms: [...fixed, u32(i * step)],
      groups: [Math.min(step, tiles - i * step), heads, batch],
    }),
  );
  const [first, ...more] = all as [Dispatch, ...Dispatch[]];
  return { ...first, more, work: work / all.length };
}
