// Diffusion-DPO: predictions, errors, the argument of the log-sigmoid, loss, gradients, optimizer steps, a fresh adapter.

import * as v from 'valibot';
import { type Adapter, disposeAdapter } from '../../../src/adapters/adapter.ts';
import { scope, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import {
  type LossInput,
  preference,
  preferenceMargins,
  squaredErrors,
} from '../../../src/training/objectives.ts';
import type { NoisedBatch } from '../../../src/training/trainStep.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';
import { take, takeImage } from '../tensors.ts';
import {
  adamSchema,
  checkAllRead,
  checkNoising,
  checkRepeated,
  checkSize,
  checkSteps,
  compareGradients,
  disposeBatch,
  gradientsOf,
  openTuning,
  readContexts,
  readLatents,
  storedSteps,
  tuningSchema,
} from '../tuningBench.ts';

const schema = v.looseObject({
  ...tuningSchema.entries,
  pairs: v.number(),
  timesteps: v.array(v.number()),
  form: v.string(),
  scale_on_error_difference: v.number(),
  loss: v.number(),
  inside: v.array(v.number()),
  implicit_accuracy: v.number(),
  model_mse: v.array(v.number()),
  reference_mse: v.array(v.number()),
  grad_norm: v.number(),
  fresh_adapter_B_zero: v.looseObject({ loss: v.number(), grad_norm: v.number() }),
  adamw: v.looseObject({
    ...adamSchema.entries,
    log: v.array(
      v.looseObject({
        step: v.number(),
        loss_before_step: v.number(),
        inside_before_step: v.optional(v.array(v.number())),
        grad_norm_before_clip: v.optional(v.number()),
      }),
    ),
  }),
});

export async function runDiffusionDpo(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = tolerancesOf(entry, [
    'model_pred_atol',
    'mse_rtol',
    'inside_atol',
    'loss_atol',
    'grad_atol',
    'grad_rtol',
    'grad_norm_rtol',
    'inside_after_step_rtol',
    'params_after_step_max_abs',
    'params_after_step_mean_abs',
    'noisy_latents_atol',
  ]);
  const bench = await openTuning(io, asked);
  const { file } = bench;
  const adapter = await bench.adapter(asked.files.peft as string);
  checkSize(report, adapter, asked);
  const batch: NoisedBatch = {
    latents: await readLatents(file, ['latents_winner', 'latents_loser']),
    noise: await readLatents(file, ['noise', 'noise']),
    t: [...asked.timesteps, ...asked.timesteps],
    tokens: [],
    context: await readContexts(file, ['encoder_hidden_states', 'encoder_hidden_states']),
  };
  await checkRepeated(report, file, {
    timesteps: asked.timesteps,
    inside: asked.inside,
    model_mse: asked.model_mse,
    reference_mse: asked.reference_mse,
  });
  await checkNoising(report, bench, batch, { noisy_latents: tolerance.noisy_latents_atol });
  const objective = preference(asked.scale_on_error_difference);
  const seen: { prediction: Tensor4D; reference: Tensor4D; target: Tensor4D }[] = [];
  /** The loss as it is, with what it was given kept. */
  const watched = {
    ...objective,
    loss: (input: LossInput) => {
      const copy = (x: Tensor4D): Tensor4D => tf.keep(x.clone());
      seen.push({
        prediction: copy(input.prediction),
        reference: copy(input.reference as Tensor4D),
        target: copy(input.target),
      });
      return objective.loss(input);
    },
  };
  for (const mode of ['whole', 'byStage'] as const) {
    const found = await gradientsOf(bench.context(watched, { mode }), adapter, batch);
    report.closeNumber(mode, 'loss', found.loss, asked.loss, { atol: tolerance.loss_atol });
    report.closeNumber(mode, 'gradient norm', found.norm, asked.grad_norm, {
      rtol: tolerance.grad_norm_rtol,
    });
    await compareGradients(
      report,
      mode,
      found,
      { file, prefix: 'grad.' },
      { atol: tolerance.grad_atol, rtol: tolerance.grad_rtol },
    );
  }
  const { prediction, reference, target } = seen[0] as (typeof seen)[number];
  const margins = await take(preferenceMargins(prediction, reference, target));
  const inside = [...margins].map((m) => m * asked.scale_on_error_difference);
  report.close('parts', 'inside', inside, asked.inside, { atol: tolerance.inside_atol });
  const right =
    inside.filter((s) => s > 0).length +
    (asked.form === 'diffusers' ? inside.filter((s) => s === 0).length / 2 : 0);
  report.closeNumber('parts', 'implicit accuracy', right / inside.length, asked.implicit_accuracy, {
    atol: 1e-6,
  });
  for (const [name, output, mse] of [
    ['model', prediction, asked.model_mse],
    ['reference', reference, asked.reference_mse],
  ] as const) {
    report.close('parts', `${name} mse`, await take(squaredErrors(output, target)), mse, {
      rtol: tolerance.mse_rtol,
    });
    report.close(
      'parts',
      `${name} prediction`,
      await takeImage(output.clone()),
      await file.readF32(`${name}_pred`),
      { atol: tolerance.model_pred_atol },
    );
  }
  for (const made of seen) tf.dispose(made);

  const fresh = scope(() => withoutB(adapter));
  const start = await gradientsOf(bench.context(objective), fresh, batch);
  report.closeNumber('fresh adapter', 'loss', start.loss, asked.fresh_adapter_B_zero.loss, {
    atol: tolerance.loss_atol,
  });
  report.closeNumber('fresh adapter', 'gradient norm', start.norm, asked.fresh_adapter_B_zero.grad_norm, {
    rtol: tolerance.grad_norm_rtol,
  });
  tf.dispose(fresh.layers.map(({ loraB }) => loraB));

  await checkSteps({
    context: bench.context(objective),
    adapter,
    batches: [batch],
    adamw: asked.adamw,
    file,
    report,
    stored: storedSteps(tolerance),
    checkLoss: (id, loss, line, step) => {
      // The loss falls with s, whose noise grows with its size.
      const largest = Math.max(0, ...(line.inside_before_step ?? []).map(Math.abs));
      const atol = tolerance.loss_atol + (step === 1 ? 0 : tolerance.inside_after_step_rtol * largest);
      report.closeNumber(id, 'loss before', loss, line.loss_before_step, { atol });
    },
    normRtol: tolerance.grad_norm_rtol,
    lastNorm: 1,
  });
  checkAllRead(report, io, asked);
  disposeBatch(batch);
  disposeAdapter(adapter);
  bench.dispose();
}

/** The adapter with every B zero. */
function withoutB(adapter: Adapter): Adapter {
  return {
    ...adapter,
    layers: adapter.layers.map((layer) => ({ ...layer, loraB: tf.zerosLike(layer.loraB) })),
  };
}
