/** Launches that the forms of kernels are timed by. */
import { someTensor, someWeight, type TrialSizes } from '../speed/trialInputs.ts';
import { type TensorInfo, tf, type WebGPUBackend } from '../tf.ts';
import { disposeWeight } from '../weights.ts';
import { launchAttention, launchAttentionGradient } from './attention.ts';
import { u32 } from './launch.ts';
import { launchOneProduct } from './products.ts';
import type { KernelOp, ProductOp } from './variantState.ts';

type Trial = { readonly multiplyAdds: number; run(): TensorInfo[]; dispose(): void };

/** An op at a given size with inputs of its own, to be timed in each of its forms. */
export function makeTrial(backend: WebGPUBackend, op: KernelOp, sizes: TrialSizes): Trial {
  return op === 'attention' || op === 'attention_gradient'
    ? attentionTrial(backend, op === 'attention_gradient', sizes)
    : productTrial(backend, op, sizes);
}

function productTrial(backend: WebGPUBackend, op: ProductOp, { samples, side, channels }: TrialSizes): Trial {
  const isConv = op.startsWith('conv2d');
  const shape = isConv ? [3, 3, channels, channels] : [channels, channels];
  const weight = someWeight(shape);
  const x = someTensor([samples, side * side, channels]);
  const rows = samples * side * side;
  const product = { op, x, weight, outputShape: x.shape, rows, depth: channels, width: channels };
  const geometry = [side, side, side, side, 3, 3, 1, 1, 1, ...(op === 'conv2d' ? [side, side] : [])];
  const conv = {
    ...product,
    geometry: geometry.map(u32),
    terms: 9 * channels,
    constants: op === 'conv2d' ? { upsampled: false } : {},
  };
  return {
    multiplyAdds: rows * channels * (isConv ? conv.terms : channels),
    run: () => [launchOneProduct(backend, isConv ? conv : product)],
    dispose() {
      x.dispose();
      disposeWeight(weight);
    },
  };
}

function attentionTrial(
  backend: WebGPUBackend,
  gradient: boolean,
  { samples, side, channels, heads }: TrialSizes,
): Trial {
  const options = { heads, causal: false };
  const x = someTensor([samples, side * side, channels]);
  const state = someTensor([samples, heads, side * side]);
  const inputs = { q: x, k: x, v: x };
  return {
    // Two products forward; five on the way back, two of them for the second time.
    multiplyAdds: samples * (side * side) ** 2 * channels * (gradient ? 7 : 2),
    run: () =>
      gradient
        ? launchAttentionGradient(backend, { ...inputs, o: x, state, dy: x }, options)
        : launchAttention(backend, inputs, options),
    dispose() {
      tf.dispose([x, state]);
    },
  };
}
