/** The timing that forecasts are made of: the ops that take the time of a network, in the forms in use, at sizes of networks. */
import { steadyMs } from '../../lib/clock.ts';
import { gradients } from '../gradients.ts';
import { attention } from '../ops/attention.ts';
import { conv2d } from '../ops/conv2d.ts';
import { groupNorm } from '../ops/groupNorm.ts';
import { linear } from '../ops/linear.ts';
import { linearCombination } from '../ops/linearCombination.ts';
import { settle } from '../pace.ts';
import { sizeOf, type Tensor, type Tensor3D, type Tensor4D, tf, WebGPUBackend } from '../tf.ts';
import { computesOnCpu } from '../webgpu/adapter.ts';
import type { KernelOp } from '../webgpu/variantState.ts';
import { disposeWeight } from '../weights.ts';
import type { KernelSpeeds, TimedLaunch } from './kernelSpeeds.ts';
import { someTensor, someWeight, type TrialSizes, trialSizes } from './trialInputs.ts';

/** Ops that have not been begun by then are left out. */
const BUDGET_MS = 1000;
/** So long a block of runs takes that a wait for the device, or the clock’s steps, do not count. */
const BLOCK_MS = 6;
const MOST_RUNS = 512;
/** Nothing takes less; a wait that was longer than usual could make it seem so. */
const LEAST_MS = 1e-3;
/** Of blocks on a machine that does other things beside, the fastest tells. */
const BLOCKS = 4;

/** Times on the active backend. The processor’s rates depend on size so little that the smallest sizes tell them. */
export async function measureSpeeds(): Promise<KernelSpeeds> {
  const backend = tf.backend();
  const onGpu = backend instanceof WebGPUBackend && !computesOnCpu(backend.device.adapterInfo);
  const launchSeconds = await tinyLaunch();
  const bytesPerSecond = await pointwiseRate(trialSizes[1], launchSeconds);
  const end = steadyMs() + BUDGET_MS;
  const ops: Partial<Record<KernelOp, TimedLaunch[]>> = {};
  for (const sizes of onGpu ? trialSizes : trialSizes.slice(0, 1)) {
    for (const make of TRIALS) {
      if (steadyMs() > end) break;
      const trial = make(sizes);
      const { forward, multiplyAdds, gradient, gradientMultiplyAdds } = trial;
      const seconds = beside(await fastest(trial.forwardRun), launchSeconds);
      // A gradient’s share, and what its forms cost where they are slower than those of drawing.
      const both = beside(await fastest(trial.bothRun), 2 * launchSeconds);
      const backward = Math.max(both - seconds, seconds / 2);
      ops[forward] = [...(ops[forward] ?? []), { multiplyAdds, seconds }];
      ops[gradient] = [...(ops[gradient] ?? []), { multiplyAdds: gradientMultiplyAdds, seconds: backward }];
      trial.dispose();
    }
  }
  return { launchSeconds, bytesPerSecond, ops };
}

/** What is left of a time without launches; they are no more than most of it. */
function beside(seconds: number, launches: number): number {
  return Math.max(seconds - launches, seconds / 10);
}

type Trial = {
  readonly forward: KernelOp;
  readonly multiplyAdds: number;
  readonly forwardRun: () => Tensor;
  readonly gradient: KernelOp;
  readonly gradientMultiplyAdds: number;
  /** Forward and backward. */
  readonly bothRun: () => readonly Tensor[];
  dispose(): void;
};

/** Made one after another: each has its inputs on the device only while it is timed. */
const TRIALS: readonly ((sizes: TrialSizes) => Trial)[] = [
  (sizes) => productTrial('linear', sizes),
  (sizes) => productTrial('conv2d', sizes),
  attentionTrial,
];

function productTrial(op: 'linear' | 'conv2d', { samples, side, channels }: TrialSizes): Trial {
  const isConv = op === 'conv2d';
  const weightShape = isConv ? [3, 3, channels, channels] : [channels, channels];
  const weight = someWeight(weightShape);
  const x = someTensor<Tensor4D>([samples, side, side, channels]);
  const run = (input: Tensor4D): Tensor4D =>
    isConv ? conv2d(input, weight, null) : linear(input, weight, null);
  const multiplyAdds = samples * side * side * sizeOf(weightShape);
  return {
    forward: op,
    multiplyAdds,
    forwardRun: () => run(x),
    gradient: `${op}_gradient`,
    gradientMultiplyAdds: multiplyAdds,
    bothRun: () => valueAndGradients(() => run(x), [x], x),
    dispose() {
      x.dispose();
      disposeWeight(weight);
    },
  };
}

function attentionTrial({ samples, side, channels, heads }: TrialSizes): Trial {
  const shape = [samples, side * side, channels];
  const [q, k, v] = [
    someTensor<Tensor3D>(shape),
    someTensor<Tensor3D>(shape),
    someTensor<Tensor3D>(shape),
  ] as const;
  const run = (): Tensor3D => attention(q, k, v, { heads, causal: false });
  const pairs = samples * (side * side) ** 2 * channels;
  return {
    forward: 'attention',
    multiplyAdds: 2 * pairs,
    forwardRun: run,
    gradient: 'attention_gradient',
    // As the kernels count them: two results with three products, and one with two.
    gradientMultiplyAdds: 7 * pairs,
    bothRun: () => valueAndGradients(run, [q, k, v], q),
    dispose: () => tf.dispose([q, k, v]),
  };
}

function valueAndGradients(run: () => Tensor, xs: readonly Tensor[], dy: Tensor): readonly Tensor[] {
  const { value, grads } = gradients(run, xs, dy);
  return [value, ...grads];
}

/** Seconds of a launch that computes next to nothing. */
async function tinyLaunch(): Promise<number> {
  const x = someTensor([1, 4]);
  const seconds = await fastest(() => linearCombination([[2, x]]));
  x.dispose();
  return seconds;
}

/** Bytes a second of a normalization, which reads and writes every value once. */
async function pointwiseRate(
  { samples, side, channels }: TrialSizes,
  launchSeconds: number,
): Promise<number> {
  const x = someTensor<Tensor4D>([samples, side, side, channels]);
  const [gamma, beta] = [someTensor([channels]), someTensor([channels])];
  const options = { groups: 32, eps: 1e-5, silu: true };
  const seconds = await fastest(() => groupNorm(x, gamma, beta, options));
  const bytes = 2 * 4 * x.size;
  tf.dispose([x, gamma, beta]);
  return bytes / beside(seconds, launchSeconds);
}

/**
 * Seconds of one run in the fastest of some blocks of runs, without the wait at the end of a block. The first run, which
 * compiles, does not count; how many a block has follows from the second.
 */
async function fastest(run: () => Tensor | readonly Tensor[]): Promise<number> {
  const block = async (runs: number): Promise<number> => {
    const start = steadyMs();
    for (let i = 0; i < runs; i++) tf.dispose(run() as Tensor | Tensor[]);
    await settle();
    return steadyMs() - start;
  };
  await block(1);
  const wait = Math.min(await block(0), await block(0));
  let least = await block(1);
  for (let blocks = 0; blocks < BLOCKS; blocks++) {
    const runs = Math.min(MOST_RUNS, Math.ceil(BLOCK_MS / Math.max(least - wait, LEAST_MS)));
    least = Math.min(least, wait + ((await block(runs)) - wait) / runs);
  }
  return Math.max(least - wait, LEAST_MS) / 1000;
}
