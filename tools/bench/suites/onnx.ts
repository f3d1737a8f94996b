// The built-in model's UNet on wasm beside onnxruntime-web's wasm and, where it is installed, beside PyTorch: the same
// weights, one thread each, and ours in as many threads as there are cores. Outputs are compared before anything is timed.

import type * as Ort from 'onnxruntime-web';
import type { BackendName } from '../../../src/contract/backend.ts';
import { urlFolder } from '../../../src/models/folder.ts';
import { loadModel } from '../../../src/models/load.ts';
import { runUnet, type Unet, unetInput } from '../../../src/models/unet/run.ts';
import { timestepEmbedding } from '../../../src/models/unet/timestep.ts';
import { openBackend } from '../../../src/tensor/device.ts';
import { type Tensor, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { threadsFor } from '../../../src/tensor/wasm/threads.ts';
import { wasmPaths } from '../../lib/wasmPaths.ts';
import type { Bench } from '../bench.ts';
import { type OnnxAttention, onnxUnet } from '../onnxUnet.ts';

/** Unless another is asked for. */
export const backend: BackendName = 'wasm';

/** Evaluations at once: one candidate with its unconditional twin, and four. */
const BATCHES = [2, 8];
const TOKENS = 24;
const TIMESTEP = 501;
const TOLERANCE = 1e-4;
const ROUNDS = 41;
/** On a program that plays a GPU a forward of theirs takes ten seconds. */
const SOFTWARE_ROUNDS = 2;

/** Halves round where float32 does not. */
const HALVES_TOLERANCE = 0.05;

type Runtime = { readonly ort: typeof Ort; readonly provider: 'wasm' | 'webgpu' };
type Session = { readonly session: Ort.InferenceSession; readonly tolerance: number };

export async function run(bench: Bench): Promise<void> {
  const model = await loadModel(urlFolder(new URL('/models/shapes/', location.href).href), { format: 'f32' });
  const provider = bench.backend.name;
  const module = provider === 'webgpu' ? import('onnxruntime-web/webgpu') : import('onnxruntime-web/wasm');
  const ort = (await module) as unknown as typeof Ort;
  ort.env.wasm.numThreads = 1;
  const withTorch = provider === 'wasm' && (await window.openTorch('cpu'));
  const batches = bench.backend.adapter?.software ? BATCHES.slice(0, 1) : BATCHES;
  for (const batch of batches) await compareBatch(bench, model.unet, batch, { ort, provider }, withTorch);
  model.dispose();
}

/** The UNet in every form that the runtime has for it, by the name it is shown under. */
async function openSessions(
  { ort, provider }: Runtime,
  unet: Unet,
  sizes: { readonly batch: number; readonly size: number; readonly tokens: number },
): Promise<ReadonlyMap<string, Session>> {
  // On a GPU nothing can be read at once: the first pass finds out what there is to read.
  const values = new Map<Tensor, Float32Array>();
  onnxUnet(
    unet.weights,
    (x) => {
      values.set(x, new Float32Array(x.size));
      return values.get(x) as Float32Array;
    },
    sizes,
    'plain',
  );
  for (const x of values.keys()) values.set(x, (await x.data()) as Float32Array);
  const read = (x: Tensor): Float32Array => values.get(x) as Float32Array;
  const open = async (form: OnnxAttention, halves: boolean): Promise<Session> => {
    const bytes = onnxUnet(unet.weights, read, { ...sizes, halves }, form);
    const options = { graphOptimizationLevel: 'all', executionProviders: [provider] } as const;
    const session = await ort.InferenceSession.create(bytes, options);
    return { session, tolerance: halves ? HALVES_TOLERANCE : TOLERANCE };
  };
  const sessions = new Map([
    ['onnxruntime-web', await open('plain', false)],
    ['its fused attention', await open('fused', false)],
  ]);
  if (provider !== 'webgpu') return sessions;
  try {
    sessions.set('its halves', await open('plain', true));
    sessions.set('its halves, fused attention', await open('fused', true));
  } catch (error) {
    console.warn(`onnxruntime-web has no halves here: ${error}`);
  }
  return sessions;
}

async function compareBatch(
  bench: Bench,
  unet: Unet,
  batch: number,
  runtime: Runtime,
  withTorch: boolean,
): Promise<void> {
  const { ort } = runtime;
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
  const sessions = await openSessions(runtime, unet, { batch, size, tokens: TOKENS });
  const ztNchw = tf.tidy(() => tf.transpose(zt, [0, 3, 1, 2]));
  const ztValues = (await ztNchw.data()) as Float32Array;
  const contextValues = (await context.data()) as Float32Array;
  const sinusoid = timestepEmbedding([TIMESTEP], config.channels[0] as number, config);
  const feeds = {
    zt: new ort.Tensor('float32', ztValues, ztNchw.shape),
    sinusoid: new ort.Tensor('float32', sinusoid, [1, sinusoid.length]),
    context: new ort.Tensor('float32', contextValues, context.shape),
  };
  const theirs = async ({ session }: Session): Promise<Float32Array> => {
    const outputs = await session.run(feeds);
    return (outputs[session.outputNames[0] as string] as Ort.Tensor).data as Float32Array;
  };

  const title = `UNet of the shapes model, one forward of ${batch}`;
  const expected = await toNchw(await ours(), [batch, size, size, config.outChannels]);
  const variants: Record<string, () => Promise<number>> = {};
  for (const [name, session] of sessions) {
    const apart = difference(name, await theirs(session), expected);
    // The first is what the others are held against; one that computes something else has no time worth telling.
    if (apart <= session.tolerance) variants[name] = () => elapsed(() => theirs(session));
    else if (name === 'onnxruntime-web') throw new Error(`${name} differs from ours by ${apart}.`);
    else await bench.value(`${title}: left out, as its numbers are others`, `${name}: difference`, apart, '');
  }
  if (bench.backend.name === 'wasm') {
    variants.ours = inThreads(1, ours);
    // On two cores a run takes one thread; what two would give is told.
    const threads = Math.max(2, threadsFor(navigator.hardwareConcurrency));
    variants[`ours, ${threads} threads`] = inThreads(threads, ours);
  } else {
    variants.ours = () => elapsed(ours);
  }
  if (withTorch) {
    const inputs = {
      zt: [...ztValues],
      ztShape: ztNchw.shape,
      context: [...contextValues],
      contextShape: context.shape,
    };
    const output = Float32Array.from(await window.prepareTorch({ ...inputs, t: TIMESTEP }));
    const apart = difference('PyTorch', output, expected);
    if (!(apart <= TOLERANCE)) throw new Error(`PyTorch differs from ours by ${apart}.`);
    variants.PyTorch = () => window.timeTorch();
  }
  const repeats = bench.backend.adapter?.software ? SOFTWARE_ROUNDS : ROUNDS;
  await bench.compareTimes(title, variants, { repeats, warmUps: 1 });
  for (const { session } of sessions.values()) await session.release();
  for (const tensor of [zt, context, ztNchw]) tensor.dispose();
}

/** The time of work in so many threads of our backend, once they are there. */
function inThreads(threads: number, work: () => Promise<unknown>): () => Promise<number> {
  return async () => {
    await openBackend('wasm', { wasmPaths, threads });
    await work();
    return elapsed(work);
  };
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

/** The largest of all differences. */
function difference(name: string, actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length)
    throw new Error(`${name} gives ${actual.length} values, not ${expected.length}.`);
  return expected.reduce((most, value, i) => Math.max(most, Math.abs((actual[i] as number) - value)), 0);
}
