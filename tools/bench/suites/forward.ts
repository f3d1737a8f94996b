// The UNet of the shapes model on our kernels against the same network on stock tfjs ops: dispatches, time, and where
// the time goes. On webgpu the budgets are half the dispatches and a sixth of the time.

import { urlFolder } from '../../../src/models/folder.ts';
import { loadModel } from '../../../src/models/load.ts';
import { runUnet, type Unet, unetInput } from '../../../src/models/unet/run.ts';
import { attention } from '../../../src/tensor/ops/attention.ts';
import { type Tensor, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { countLaunches } from '../../../src/tensor/webgpu/counters.ts';
import type { Bench, TimingOptions, Variant } from '../bench.ts';
import { runStockUnet, stockAttention } from '../stockUnet.ts';

const T = 501;
/** On a program that plays a GPU a stock forward takes seconds, and the smallest says all there is to say. */
const SIZES = {
  software: { batches: [2], tokens: 256, repeats: { repeats: 2, warmUps: 1 } },
  real: { batches: [2, 8], tokens: 1024, repeats: { repeats: 5, warmUps: 1 } },
} as const;

export async function run(bench: Bench): Promise<void> {
  const model = await loadModel(urlFolder(new URL('/models/shapes/', location.href).href), { format: 'f32' });
  const { batches, tokens, repeats } = SIZES[bench.backend.adapter?.software ? 'software' : 'real'];
  for (const batch of batches) await forward(bench, model.unet, { batch, repeats });
  model.dispose();
  await longAttention(bench, { tokens, repeats });
}

type Repeats = { readonly repeats: TimingOptions };

async function forward(
  bench: Bench,
  unet: Unet,
  { batch, repeats }: Repeats & { readonly batch: number },
): Promise<void> {
  const { config } = unet.weights;
  const zt = filled([batch, 8, 8, config.inChannels]) as Tensor4D;
  const context = filled([batch, 24, config.contextWidth]) as Tensor3D;
  const work = {
    'stock tfjs': () => runStockUnet(unet.weights, zt, T, context),
    ours: () => tf.tidy(() => runUnet(unet, zt, unetInput(unet, T, context, {}))),
  };
  const title = `UNet forward, batch ${batch}`;
  const results = new Map<string, Float32Array>();
  for (const [name, compute] of Object.entries(work)) {
    const { result, count } = await countLaunches(compute);
    results.set(name, (await result.data()) as Float32Array);
    result.dispose();
    if (bench.backend.name === 'webgpu')
      await bench.value(`${title}: dispatches`, name, count.dispatches, '');
  }
  const [stock, ours] = [...results.values()] as [Float32Array, Float32Array];
  const apart = ours.reduce((most, value, i) => Math.max(most, Math.abs(value - (stock[i] as number))), 0);
  await bench.value(`${title}: largest difference`, 'stock and ours', apart, '');
  await bench.compare(title, { 'stock tfjs': done(work['stock tfjs']), ours: done(work.ours) }, repeats);
  if (bench.backend.name === 'webgpu') await profile(bench, title, work.ours);
  tf.dispose([zt, context]);
}

async function longAttention(
  bench: Bench,
  { tokens, repeats }: Repeats & { readonly tokens: number },
): Promise<void> {
  const heads = 4;
  const x = filled([1, tokens, 128]) as Tensor3D;
  await bench.compare(
    `attention, ${tokens} tokens, ${heads} heads of ${128 / heads}`,
    {
      'stock tfjs': done(() => tf.tidy(() => stockAttention(x, x, x, heads))),
      ours: done(() => attention(x, x, x, { heads, causal: false })),
    },
    repeats,
  );
  x.dispose();
}

/** GPU time by kernel, from timestamps around every dispatch. */
async function profile(bench: Bench, title: string, compute: () => Tensor): Promise<void> {
  const { kernels } = await timed(compute);
  const total = kernels.reduce((sum, [, ms]) => sum + ms, 0);
  await bench.value(`${title}: time on the device`, 'all kernels', total, 'ms');
  for (const [label, ms] of kernels.slice(0, 12)) {
    await bench.value(`${title}: time on the device`, label, ms, 'ms');
  }
}

/** Milliseconds per kernel label, the slowest first. */
async function timed(compute: () => Tensor): Promise<{ kernels: [label: string, ms: number][] }> {
  // tf.time sums everything up in a text "label: ms, label: ms".
  const info = await tf.time(() => {
    compute().dispose();
  });
  const sums = new Map<string, number>();
  const { getExtraProfileInfo } = info as unknown as { getExtraProfileInfo(): string };
  for (const part of getExtraProfileInfo().split(', ')) {
    const at = part.lastIndexOf(': ');
    const label = part.slice(0, at);
    sums.set(label, (sums.get(label) ?? 0) + Number.parseFloat(part.slice(at + 2)));
  }
  return { kernels: [...sums].sort((a, b) => b[1] - a[1]) };
}

/** Ends when the result has been computed. */
function done(compute: () => Tensor): Variant {
  return async () => {
    const y = compute();
    await y.data();
    y.dispose();
  };
}

function filled(shape: number[]): Tensor {
  return tf.tidy(() => {
    const size = shape.reduce((product, length) => product * length, 1);
    return tf.reshape(tf.sin(tf.range(0, size, 1, 'float32')), shape);
  });
}
