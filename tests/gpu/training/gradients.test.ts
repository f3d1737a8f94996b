import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Adapter,
  adapterParameters,
  disposeAdapter,
  withParameters,
} from '../../../src/adapters/adapter.ts';
import {
  adapterProjector,
  adapterWeightNorms,
  disposeWeightNorms,
  type WeightNorms,
} from '../../../src/adapters/project.ts';
import type { GradientMode } from '../../../src/contract/loadPlan.ts';
import { noisingCoefficients } from '../../../src/diffusion/parametrization.ts';
import { encodeText } from '../../../src/models/text/run.ts';
import { runUnet, unetInput } from '../../../src/models/unet/run.ts';
import { scope, type Tensor, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { microBatchGradients, type NoisedBatch } from '../../../src/training/trainStep.ts';
import { onBackends, relativeError, take } from '../kernels/harness.ts';
import { type Bench, batchOf, disposeBatch, openBench, someAdapter, trainContext } from './bench.ts';

type Gradients = { readonly loss: number; readonly byName: ReadonlyMap<string, Float32Array> };

onBackends('gradients of the adapter', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(() => bench.dispose());

  const gradientsOf = async (
    adapter: Adapter,
    batch: NoisedBatch,
    mode: GradientMode,
  ): Promise<Gradients> => {
    const norms = adapterWeightNorms(adapter);
    const project = adapterProjector(adapter, norms);
    const found = await microBatchGradients(trainContext(bench, { mode }), adapter, project, batch);
    disposeWeightNorms(norms);
    const names = adapterParameters(adapter).map((p) => p.name);
    const values: Float32Array[] = [];
    for (const gradient of found.gradients) values.push(await take(gradient));
    return {
      loss: (await take(found.loss))[0] as number,
      byName: new Map(names.map((name, i) => [name, values[i] as Float32Array])),
    };
  };

  it.each(['lora', 'dora'] as const)('are those of finite differences for %s', async (kind) => {
    const adapter = someAdapter(bench, kind, { text: true });
    const batch = batchOf(bench, 0, 2, { text: true });
    const { byName } = await gradientsOf(adapter, batch, 'whole');
    const norms = adapterWeightNorms(adapter);
    const attention = 'unet.up_blocks.0.attentions.0.transformer_blocks.0';
    const modules = [
      `${attention}.attn1.to_q`,
      `${attention}.attn2.to_v`,
      'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k',
      'unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0',
      'text_encoder.text_model.encoder.layers.0.self_attn.v_proj',
      'text_encoder.text_model.encoder.layers.1.self_attn.out_proj',
    ];
    const parts = kind === 'dora' ? ['down', 'up', 'magnitude'] : ['down', 'up'];
    for (const name of modules.flatMap((module) => parts.map((part) => `${module}.${part}`))) {
      const gradient = byName.get(name) as Float32Array;
      const length = Math.hypot(...gradient);
      // Along the gradient the loss changes most: rounding of the float32 network disturbs the difference least.
      const direction = gradient.map((g) => g / length);
      // PEFT's norm is detached, so the differences hold it fixed as well.
      const slope = async (step: number): Promise<number> => {
        const above = await lossWith(bench, moved(adapter, name, direction, step), norms, batch);
        const below = await lossWith(bench, moved(adapter, name, direction, -step), norms, batch);
        return (above - below) / (2 * step);
      };
      // Richardson's extrapolation: the error of fourth order in the step is left.
      const expected = (4 * (await slope(0.02)) - (await slope(0.04))) / 3;
      expect(Math.abs(length / expected - 1), name).toBeLessThan(2e-3);
    }
    disposeWeightNorms(norms);
    disposeAdapter(adapter);
    disposeBatch(batch);
  });

  it.each([
    ['lora', false],
    ['dora', false],
    ['dora', true],
  ] as const)('are the same by one tape and stage by stage for %s, text encoder %s', async (kind, text) => {
    const adapter = someAdapter(bench, kind, { text });
    const batch = batchOf(bench, 0, 2, { text });
    // The first gradient makes copies of frozen weights, which stay.
    await gradientsOf(adapter, batch, 'byStage');
    const before = tf.memory().numTensors;
    const whole = await gradientsOf(adapter, batch, 'whole');
    const byStage = await gradientsOf(adapter, batch, 'byStage');
    expect(tf.memory().numTensors).toBe(before);
    expect(byStage.loss).toBeCloseTo(whole.loss, 6);
    for (const [name, values] of whole.byName) {
      expect(relativeError(byStage.byName.get(name) as Float32Array, values), name).toBeLessThan(1e-4);
    }
    disposeAdapter(adapter);
    disposeBatch(batch);
  });
});

/** The adapter with one parameter moved; its new tensor alone is to be freed, the rest is shared. */
function moved(
  adapter: Adapter,
  name: string,
  direction: Float32Array,
  step: number,
): { adapter: Adapter; own: Tensor } {
  const tensors = adapterParameters(adapter).map((p) => p.tensor);
  const index = adapterParameters(adapter).findIndex((p) => p.name === name);
  const old = tensors[index] as Tensor;
  const own = tf.tidy(() => tf.add(old, tf.mul(tf.tensor(direction, old.shape), step)));
  return { adapter: withParameters(adapter, tensors.with(index, own)), own };
}

/** Mean squared error of the noise prediction, summed in float64; frees the moved tensor. */
async function lossWith(
  bench: Bench,
  { adapter, own }: { adapter: Adapter; own: Tensor },
  norms: WeightNorms,
  batch: NoisedBatch,
): Promise<number> {
  const project = adapterProjector(adapter, norms);
  const output = scope(() => {
    const rows = batch.t.map((t, row) => {
      const { signal, noise } = noisingCoefficients(bench.session.schedule, t);
      const part = (x: Tensor4D, factor: number): Tensor => tf.mul(tf.slice(x, [row], [1]), factor);
      return tf.add(part(batch.latents, signal), part(batch.noise, noise)) as Tensor4D;
    });
    const context = encodeText(bench.model.text, batch.tokens, { output: 'last', project });
    const zt = tf.concat(rows) as Tensor4D;
    return runUnet(bench.model.unet, zt, unetInput(bench.model.unet, batch.t, context, { project }));
  });
  own.dispose();
  const [found, target] = [await take(output), await batch.noise.data()];
  return found.reduce((sum, x, i) => sum + (x - (target[i] as number)) ** 2, 0) / found.length;
}
