// Single operators: timestep embedding, activations, norms, samplers and one residual block.

import * as v from 'valibot';
import type { WeightFormat } from '../../../src/contract/backend.ts';
import type { SafetensorsFile } from '../../../src/formats/safetensors.ts';
import { runConv, runLinear } from '../../../src/models/layers.ts';
import { loadParameters } from '../../../src/models/loadParameters.ts';
import {
  conv3,
  linear,
  norm,
  type ParameterSource,
  pointwise,
  recordParameters,
} from '../../../src/models/parameters.ts';
import { runLayer } from '../../../src/models/unet/blocks.ts';
import { timestepEmbedding } from '../../../src/models/unet/timestep.ts';
import { geglu, gelu, silu } from '../../../src/tensor/ops/activations.ts';
import { conv2d } from '../../../src/tensor/ops/conv2d.ts';
import { groupNorm } from '../../../src/tensor/ops/groupNorm.ts';
import { layerNorm } from '../../../src/tensor/ops/layerNorm.ts';
import { upsampleNearest } from '../../../src/tensor/ops/shape.ts';
import { type Tensor2D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, type Tolerance, tolerancesOf } from '../report.ts';
import { readImage, readTensor, shapeOf, take, takeImage } from '../tensors.ts';

type Context = { file: SafetensorsFile; report: Report; tolerance: Tolerance; format: WeightFormat };
const schema = v.looseObject({ io: v.string() });

export async function runOps(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { io: path } = v.parse(schema, entry);
  const file = await io.safetensors(path);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const context = { file, report, tolerance, format: io.weights };
  // PyTorch's float32 exp is not correctly rounded, which at t near 1000 moves an angle by 6e-5: the index allows for it.
  const allowed = tolerancesOf(entry, [], ['temb_atol_if_angles_are_computed_in_float64']);
  const embedding = {
    atol: Math.max(allowed.temb_atol_if_angles_are_computed_in_float64, context.tolerance.atol),
  };
  await timesteps(context, embedding);
  await activations(context);
  await norms(context);
  await samplers(context);
  await resnet(context);
}

async function check(
  { file, report, tolerance }: Context,
  name: string,
  values: Float32Array,
): Promise<void> {
  report.close(name, 'values', values, await file.readF32(name), tolerance);
}

async function timesteps({ file, report }: Context, embedding: Tolerance): Promise<void> {
  const t = [...(await file.readF32('temb.t'))];
  for (const name of file.entries.keys()) {
    const match = /^temb\.dim(\d+)\.flip([01])\.shift(\d+)$/.exec(name);
    if (match === null) continue;
    const options = { flipSinToCos: match[2] === '1', freqShift: Number(match[3]) };
    report.close(
      name,
      'values',
      timestepEmbedding(t, Number(match[1]), options),
      await file.readF32(name),
      embedding,
    );
  }
}

async function activations(context: Context): Promise<void> {
  const { file } = context;
  const x = await readTensor(file, 'act.x');
  await check(context, 'act.silu', await take(silu(x)));
  await check(context, 'act.gelu_erf', await take(gelu(x, 'erf')));
  await check(context, 'act.quick_gelu', await take(gelu(x, 'quick')));
  x.dispose();
  const [out, inputs] = shapeOf(file, 'geglu.proj.weight') as [number, number];
  const { build, dispose } = await load(context, (p) => linear(p, 'geglu.proj', inputs, out, true));
  const tokens = await readTensor(file, 'geglu.x');
  await check(context, 'geglu.out', await take(tf.tidy(() => geglu(runLinear(build, tokens)))));
  tokens.dispose();
  dispose();
}

async function norms(context: Context): Promise<void> {
  const { file } = context;
  const image = await readImage(file, 'groupnorm.x_small_variance');
  const gamma = await readTensor(file, 'groupnorm.weight');
  const beta = await readTensor(file, 'groupnorm.bias');
  for (const name of file.entries.keys()) {
    const match = /^groupnorm\.groups(\d+)\.eps(.+)$/.exec(name);
    if (match === null) continue;
    const options = { groups: Number(match[1]), eps: Number(match[2]), silu: false };
    const values = await takeImage(groupNorm(image, gamma, beta, options));
    // Where the mean is a hundred times the spread, the fixture's own float32 rounding is larger than the tolerance. So
    // ours is held to it against exact arithmetic, and against the fixture to what the fixture is off besides.
    const exact = await exactGroupNorm(file, options);
    const fixture = await file.readF32(name);
    const noise = fixture.reduce((worst, x, k) => Math.max(worst, Math.abs(x - (exact[k] as number))), 0);
    const atol = context.tolerance.atol ?? 0;
    context.report.close(name, 'values (float64)', values, exact, context.tolerance);
    context.report.close(name, 'values', values, fixture, { ...context.tolerance, atol: atol + noise });
  }
  const rows = await readTensor(file, 'layernorm.x');
  const weight = await readTensor(file, 'layernorm.weight');
  const bias = await readTensor(file, 'layernorm.bias');
  for (const name of file.entries.keys()) {
    const match = /^layernorm\.eps(.+)$/.exec(name);
    if (match !== null)
      await check(context, name, await take(layerNorm(rows, weight, bias, Number(match[1]))));
  }
  for (const tensor of [image, gamma, beta, rows, weight, bias]) tensor.dispose();
}

/** Group normalization of the file's input in float64, NCHW. */
async function exactGroupNorm(
  file: SafetensorsFile,
  options: { groups: number; eps: number },
): Promise<Float64Array> {
  const [n, c, h, w] = shapeOf(file, 'groupnorm.x_small_variance') as [number, number, number, number];
  const x = await file.readF32('groupnorm.x_small_variance');
  const gamma = await file.readF32('groupnorm.weight');
  const beta = await file.readF32('groupnorm.bias');
  const size = (c / options.groups) * h * w;
  const out = new Float64Array(x.length);
  for (let group = 0; group < n * options.groups; group++) {
    const values = Float64Array.from(x.subarray(group * size, (group + 1) * size));
    const mean = values.reduce((a, b) => a + b, 0) / size;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size;
    for (let k = 0; k < size; k++) {
      const at = group * size + k;
      const channel = Math.floor(at / (h * w)) % c;
      const normalized = ((values[k] as number) - mean) / Math.sqrt(variance + options.eps);
      out[at] = normalized * (gamma[channel] as number) + (beta[channel] as number);
    }
  }
  return out;
}

async function samplers(context: Context): Promise<void> {
  const { file } = context;
  const x = await readImage(file, 'conv.x');
  const channels = x.shape[3];
  // The even inputs are the odd one cut to even sides.
  const even = tf.slice(x, [0, 0, 0, 0], [-1, x.shape[1] & ~1, x.shape[2] & ~1, -1]);
  for (const [name, pad] of [
    ['unet_down_pad1', 'same'],
    ['vae_down_pad0_asym', 'bottomRight'],
  ] as const) {
    const { build, dispose } = await load(context, (p) => conv3(p, name, channels, channels));
    const run = (input: Tensor4D): Tensor4D =>
      conv2d(input, build.w, build.b, { stride: 2, pad }) as Tensor4D;
    await check(context, `${name}.out`, await takeImage(run(x)));
    await check(context, `${name}.out_even`, await takeImage(run(even)));
    dispose();
  }
  const { build, dispose } = await load(context, (p) => conv3(p, 'upsample.conv', channels, channels));
  const upsample = (height: number, width: number): Tensor4D =>
    tf.tidy(() => runConv(build, upsampleNearest(x, [height, width]) as Tensor4D));
  await check(context, 'upsample.out', await takeImage(upsample(2 * x.shape[1], 2 * x.shape[2])));
  for (const name of file.entries.keys()) {
    const match = /^upsample\.out_size(\d+)x(\d+)$/.exec(name);
    if (match !== null)
      await check(context, name, await takeImage(upsample(Number(match[1]), Number(match[2]))));
  }
  dispose();
  x.dispose();
  even.dispose();
}

async function resnet(context: Context): Promise<void> {
  const { file } = context;
  const [outputs, inputs] = shapeOf(file, 'resnet.conv1.weight') as [number, number];
  const timeWidth = shapeOf(file, 'resnet.temb')[1] as number;
  const { build, dispose } = await load(context, (p) => ({
    norm1: norm(p, 'resnet.norm1', inputs),
    conv1: conv3(p, 'resnet.conv1', inputs, outputs),
    timeProjection: linear(p, 'resnet.time_emb_proj', timeWidth, outputs, true),
    norm2: norm(p, 'resnet.norm2', outputs),
    conv2: conv3(p, 'resnet.conv2', outputs, outputs),
    shortcut: inputs === outputs ? null : pointwise(p, 'resnet.conv_shortcut', inputs, outputs),
  }));
  const x = await readImage(file, 'resnet.x');
  const embedding = await readTensor(file, 'resnet.temb');
  const temb = silu(embedding) as Tensor2D;
  const context3d = tf.zeros<tf.Rank.R3>([1, 1, 1]);
  const layer = { name: 'resnet', resnet: build, transformer: null };
  const out = runLayer(layer, x, null, { temb, context: context3d, hooks: {}, groups: 4, normEps: 1e-5 });
  await check(context, 'resnet.out', await takeImage(out));
  for (const tensor of [x, embedding, temb, context3d]) tensor.dispose();
  dispose();
}

/** Loads the part of the file that `build` asks for. */
async function load<T>(
  { file, format }: Context,
  build: (p: ParameterSource) => T,
): Promise<{ build: T; dispose(): void }> {
  const specs = recordParameters(build);
  const names = new Set(specs.map((s) => s.name));
  const entries = new Map([...file.entries].filter(([name]) => names.has(name)));
  const loaded = await loadParameters({ ...file, entries }, specs, file.name, { format });
  return { build: build(loaded.source), dispose: loaded.dispose };
}
