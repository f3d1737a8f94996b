// The built-in model's UNet on wasm beside onnxruntime-web's wasm and, where it is installed, beside PyTorch: the same
// weights, one thread each. Outputs are compared before anything is timed.

import * as ort from 'onnxruntime-web/wasm';
import type { BackendName } from '../../../src/contract/backend.ts';
import { urlFolder } from '../../../src/models/folder.ts';
import { loadModel } from '../../../src/models/load.ts';
import { runUnet, type Unet, unetInput } from '../../../src/models/unet/run.ts';
import { timestepEmbedding } from '../../../src/models/unet/timestep.ts';
import { type Tensor, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import type { Bench } from '../bench.ts';
import { type OnnxAttention, onnxUnet } from '../onnxUnet.ts';

export const backend: BackendName = 'wasm';

/** Evaluations at once: one candidate with its unconditional twin, and four. */
const BATCHES = [2, 8];
const TOKENS = 24;
const TIMESTEP = 501;
const TOLERANCE = 1e-4;
const ROUNDS = 11;

export async function run(bench: Bench): Promise<void> {
  const model = await loadModel(urlFolder(new URL('/models/shapes/', location.href).href), { format: 'f32' });
  ort.env.wasm.numThreads = 1;
  const withTorch = await window.openTorch();
  for (const batch of BATCHES) await compareBatch(bench, model.unet, batch, withTorch);
  model.dispose();
}

async function compareBatch(bench: Bench, unet: Unet, batch: number, withTorch: boolean): Promise<void> {
  const { config } = unet.weights;
  const size = config.sampleSize;
  const zt = pattern([batch, size, size, config.inChannels], 37, 101);
  const context = pattern([batch, TOKENS, config.contextWidth], 53, 97);
  const ours = async (): Promise<Float32Array> => {
    const outputs = tf.tidy(() =>
      runUnet(unet, zt as Tensor4D, unetInput(unet, TIMESTEP, context as Tensor3D, {})),
    );
    const values = (await outputs.data()) as Float32Array;
    outputs.dispose();
    return values;
  };
  const sessions = new Map<OnnxAttention, ort.InferenceSession>();
  for (const form of ['plain', 'fused'] as const) {
    const read = (x: Tensor): Float32Array => x.dataSync() as Float32Array;
    const bytes = onnxUnet(unet.weights, read, { batch, size, tokens: TOKENS }, form);
    sessions.set(form, await ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'all' }));
  }
  const ztNchw = tf.tidy(() => tf.transpose(zt, [0, 3, 1, 2]));
  const ztValues = (await ztNchw.data()) as Float32Array;
  const contextValues = (await context.data()) as Float32Array;
  const sinusoid = timestepEmbedding([TIMESTEP], config.channels[0] as number, config);
  const feeds = {
    zt: new ort.Tensor('float32', ztValues, ztNchw.shape),
    sinusoid: new ort.Tensor('float32', sinusoid, [1, sinusoid.length]),
    context: new ort.Tensor('float32', contextValues, context.shape),
  };
  const theirs = async (form: OnnxAttention): Promise<Float32Array> => {
    const session = sessions.get(form) as ort.InferenceSession;
    const outputs = await session.run(feeds);
    return (outputs[session.outputNames[0] as string] as ort.Tensor).data as Float32Array;
  };

  const expected = await toNchw(await ours(), [batch, size, size, config.outChannels]);
  for (const form of sessions.keys()) checkEqual('onnxruntime-web', await theirs(form), expected);
  const variants: Record<string, () => Promise<number>> = {
    'onnxruntime-web': () => elapsed(() => theirs('plain')),
    'its fused attention': () => elapsed(() => theirs('fused')),
    ours: () => elapsed(ours),
  };
  if (withTorch) {
    const inputs = {
      zt: [...ztValues],
      ztShape: ztNchw.shape,
      context: [...contextValues],
      contextShape: context.shape,
    };
    checkEqual('PyTorch', Float32Array.from(await window.prepareTorch({ ...inputs, t: TIMESTEP })), expected);
    variants.PyTorch = () => window.timeTorch();
  }
  await bench.compareTimes(`UNet of the shapes model, one forward of ${batch}`, variants, {
    repeats: ROUNDS,
  });
  for (const session of sessions.values()) await session.release();
  for (const tensor of [zt, context, ztNchw]) tensor.dispose();
}

/** Values in [-1, 1] without a visible pattern, exact in float32. */
function pattern(shape: number[], step: number, modulus: number): tf.Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Float32Array.from({ length: size }, (_, i) => (((i * step) % modulus) / modulus) * 2 - 1);
  return tf.tensor(values, shape);
}

async function toNchw(values: Float32Array, shape: [number, number, number, number]): Promise<Float32Array> {
  const x = tf.tidy(() => tf.transpose(tf.tensor4d(values, shape), [0, 3, 1, 2]));
  const result = (await x.data()) as Float32Array;
  x.dispose();
  return result;
}

async function elapsed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

function checkEqual(name: string, actual: Float32Array, expected: Float32Array): void {
  if (actual.length !== expected.length)
    throw new Error(`${name} gives ${actual.length} values, not ${expected.length}.`);
  let largest = 0;
  for (const [i, value] of expected.entries())
    largest = Math.max(largest, Math.abs((actual[i] as number) - value));
  if (!(largest <= TOLERANCE))
    throw new Error(`${name} differs from ours by ${largest}, more than ${TOLERANCE}.`);
}
