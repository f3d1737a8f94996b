/** Attention on webgpu without stored scores: launches of the three attention shaders. */
import forwardCode from '../../shaders/nn/attention.wgsl?raw';
import gradientKvCode from '../../shaders/nn/attention_gradient_kv.wgsl?raw';
import gradientQCode from '../../shaders/nn/attention_gradient_q.wgsl?raw';
import { type AttentionOptions, scoreScale } from './attentionParts.ts';
import { f32, type Groups, type Launch, launch, u32 } from './launch.ts';
import type { TensorInfo, WebGPUBackend } from './tf.ts';
import { unroll } from './unroll.ts';

/** A thread keeps 2 to 4 rows of the head in registers; wider heads would spill. */
const widestHead = 160;

type Inputs = Readonly<Record<'q' | 'k' | 'v', TensorInfo>>;

/** True when the shaders take heads of this width; otherwise the composed form has to do. */
export function attentionFits(q: TensorInfo, heads: number): boolean {
  const width = (q.shape[2] as number) / heads;
  return width % 4 === 0 && width <= widestHead;
}

/** @returns o [N,Lq,D] and the logarithms of the softmax denominators [N,heads,Lq] */
export function launchAttention(
  backend: WebGPUBackend,
  inputs: Inputs,
  options: AttentionOptions,
): TensorInfo[] {
  const { q, k, v } = inputs;
  const [batch, queries] = q.shape as [number, number, number];
  return launch(backend, {
    ...variant('attention', forwardCode, q, options.heads),
    outputs: [q.shape, [batch, options.heads, queries]],
    inputs: [q, k, v],
    uniforms: uniforms(inputs, options),
    groups: rowGroups(queries, options.heads, batch),
  });
}

/** @returns dq, dk, dv */
export function launchAttentionGradient(
  backend: WebGPUBackend,
  inputs: Inputs & Readonly<Record<'o' | 'state' | 'dy', TensorInfo>>,
  options: AttentionOptions,
): TensorInfo[] {
  const { q, k, v, o, state, dy } = inputs;
  const { heads } = options;
  const [batch, queries] = q.shape as [number, number, number];
  const [dq, delta] = launch(backend, {
    ...variant('attention_gradient_q', gradientQCode, q, heads),
    outputs: [q.shape, [batch, heads, queries]],
    inputs: [q, k, v, o, dy, state],
    uniforms: uniforms(inputs, options),
    groups: rowGroups(queries, heads, batch),
  }) as [TensorInfo, TensorInfo];
  const [dk, dv] = launch(backend, {
    ...variant('attention_gradient_kv', gradientKvCode, q, heads),
    outputs: [k.shape, v.shape],
    inputs: [q, k, v, dy, state, delta],
    uniforms: uniforms(inputs, options),
    groups: rowGroups(k.shape[1] as number, heads, batch),
  }) as [TensorInfo, TensorInfo];
  backend.disposeData(delta.dataId);
  return [dq, dk, dv];
}

function variant(name: string, code: string, q: TensorInfo, heads: number): Pick<Launch, 'label' | 'code'> {
  const head4 = (q.shape[2] as number) / heads / 4;
  return {
    label: `${name}/${4 * head4}`,
    code: () => `const head4 = ${head4}u;\n${unroll(code, head4)}`,
  };
}

function uniforms({ q, k }: Inputs, { heads, causal }: AttentionOptions): Launch['uniforms'] {
  const [queries, keys] = [q.shape[1] as number, k.shape[1] as number];
  return [u32(queries), u32(keys), u32(heads), u32(causal ? 1 : 0), f32(scoreScale(q, heads))];
}

function rowGroups(rows: number, heads: number, batch: number): Groups {
  return [Math.ceil(rows / 64), heads, batch];
}
