/**
 * What an image is expected to get, from where it is on its way: the value network of DPOK (Fan et al. 2023, arXiv
 * 2305.16381; google-research/google-research, folder dpok, reward_model.py 1d49f2c), a baseline for policy gradients.
 *
 *     x = (latent with channels first, text); three times x = relu(gamma_i * (W x + b)); V = W x + b
 *
 * gamma_i is row i of a table, i the evaluation counted from the noisiest; it scales the sum with its bias.
 */
import { readTensors } from '../adapters/state.ts';
import { StudioError } from '../lib/errors.ts';
import { normals, uniform } from '../lib/philox.ts';
import { gradients } from '../tensor/gradients.ts';
import { matmulTrain } from '../tensor/ops/matmulTrain.ts';
import {
  type Scalar,
  sizeOf,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from '../tensor/tf.ts';
import { type OptimizerState, updateStep } from './optimizer.ts';

/** For each layer weight [in, hidden], bias [hidden], table [steps, hidden]; then weight [hidden, 1] and bias [1]. */
type ValueNetwork = readonly Tensor[];

type ValueSize = {
  /** Numbers of a latent and of a text together. */
  readonly features: number;
  readonly hidden: number;
  readonly steps: number;
};

const LAYERS = 3;
/** Philox streams: one for each matrix, then one for each table. */
const WEIGHT_STREAM = 0x76000000;
const TABLE_STREAM = 0x76010000;

/** Shapes of its parameters in the order in which they are kept. */
export function valueShapes({ features, hidden, steps }: ValueSize): readonly (readonly number[])[] {
  const layers = Array.from({ length: LAYERS }, (_, k) => [
    [k === 0 ? features : hidden, hidden],
    [hidden],
    [steps, hidden],
  ]);
  return [...layers.flat(), [hidden, 1], [1]];
}

/** Weights Xavier-normal, biases 0, tables uniform in [0, 1). The tensors are kept. */
export function initValueNetwork(size: ValueSize, seed: number): ValueNetwork {
  return valueShapes(size).map((shape, k) => tf.keep(tf.tensor(initialValues(shape, k, seed), [...shape])));
}

function initialValues(shape: readonly number[], k: number, seed: number): Float32Array {
  const [rows, columns] = shape as [number, number | undefined];
  if (columns === undefined) return new Float32Array(rows);
  const isTable = k % 3 === 2;
  if (isTable) {
    return Float32Array.from({ length: rows * columns }, (_, j) => uniform(seed, TABLE_STREAM + k, j));
  }
  const std = Math.sqrt(2 / (rows + columns));
  return normals(seed, WEIGHT_STREAM + k, 0, rows * columns).map((x) => x * std);
}

/** Where images are on their way: latents [N, h, w, c], what their prompts say [N, features], evaluations. */
type ValueInput = {
  readonly zt: Tensor4D;
  readonly text: Tensor2D;
  readonly steps: readonly number[];
};

/** V of rows [N]; differentiable in the network. */
export function expectedReward(network: ValueNetwork, { zt, text, steps }: ValueInput): Tensor1D {
  return tf.tidy(() => {
    const latent = tf.reshape(tf.transpose(zt, [0, 3, 1, 2]), [zt.shape[0], -1]);
    let x = tf.concat([latent, text], 1) as Tensor2D;
    for (let k = 0; k < LAYERS; k++) {
      const [weight, bias, table] = network.slice(3 * k, 3 * k + 3) as [Tensor2D, Tensor1D, Tensor2D];
      const gamma = matmulTrain(oneHot(steps, table.shape[0]), table);
      x = tf.relu(tf.mul(gamma, tf.add(matmulTrain(x, weight), bias))) as Tensor2D;
    }
    const [weight, bias] = network.slice(-2) as [Tensor2D, Tensor1D];
    return tf.reshape(tf.add(matmulTrain(x, weight), bias), [-1]) as Tensor1D;
  });
}

/** Mean squared distance to what the images got, and its gradients in the order of the network. */
export function valueGradients(
  network: ValueNetwork,
  input: ValueInput,
  rewards: readonly number[],
): { readonly loss: Scalar; readonly gradients: readonly Tensor[] } {
  const { value, grads } = gradients(() => {
    const got = tf.tensor1d([...rewards]);
    return tf.mean(tf.squaredDifference(expectedReward(network, input), got)) as Scalar;
  }, network);
  return { loss: value, gradients: grads };
}

/** One AdamW step with gradients that are summed over `batches`; `state` is left as it is. No clipping. */
export function valueStep(
  state: OptimizerState,
  sums: readonly Tensor[],
  { rate, decay, batches }: { readonly rate: number; readonly decay: number; readonly batches: number },
): OptimizerState {
  const { next, gradNorm } = updateStep(state, sums, {
    batch: 1,
    accumulation: batches,
    learningRate: rate,
    warmup: 0,
    clip: null,
    weightDecay: decay,
    flushAtEpochEnd: false,
  });
  gradNorm.dispose();
  return next;
}

/** The network with its moments as plain numbers, by names of its own. */
export async function savedValue(state: OptimizerState): Promise<Record<string, Float32Array<ArrayBuffer>>> {
  const saved: Record<string, Float32Array<ArrayBuffer>> = { 'value.step': Float32Array.of(state.step) };
  for (const part of PARTS) {
    for (const [k, values] of (await readTensors(state[part])).entries())
      saved[`value.${part}.${k}`] = values;
  }
  return saved;
}

/** @throws StudioError `checkpoint-damaged` where it is not of this size */
export function restoreValue(saved: Readonly<Record<string, Float32Array>>, size: ValueSize): OptimizerState {
  const shapes = valueShapes(size);
  const numbers = PARTS.flatMap((part) => shapes.map((_, k) => saved[`value.${part}.${k}`]));
  const fits = numbers.every((values, n) => values?.length === sizeOf(shapes[n % shapes.length] ?? []));
  if (!fits) {
    throw new StudioError('checkpoint-damaged', 'The stored value network is not of this run.', {
      remedy: 'Train this round again; the pool and the selection are kept.',
    });
  }
  const tensors = numbers.map((values, n) =>
    tf.keep(tf.tensor(values as Float32Array, [...(shapes[n % shapes.length] ?? [])])),
  );
  const [params, m, v] = PARTS.map((_, p) => tensors.slice(p * shapes.length, (p + 1) * shapes.length)) as [
    Tensor[],
    Tensor[],
    Tensor[],
  ];
  return { params, m, v, step: saved['value.step']?.[0] ?? 0 };
}

const PARTS = ['params', 'm', 'v'] as const;

function oneHot(positions: readonly number[], columns: number): Tensor2D {
  const rows = positions.map((p) => Array.from({ length: columns }, (_, j) => (j === p ? 1 : 0)));
  return tf.tensor2d(rows, [positions.length, columns]);
}
