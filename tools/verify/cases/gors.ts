// GORS: the reward-weighted loss, gradients of both adapters, the joint clip, optimizer steps, and which images are kept.

import * as v from 'valibot';
import { disposeAdapter } from '../../../src/adapters/adapter.ts';
import { adapterProjector, adapterWeightNorms, disposeWeightNorms } from '../../../src/adapters/project.ts';
import { exceeds } from '../../../src/methods/code/rewards.ts';
import { encodeText } from '../../../src/models/text/run.ts';
import type { TextWeights } from '../../../src/models/text/weights.ts';
import { type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { denoising, type LossInput, squaredErrors } from '../../../src/training/objectives.ts';
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
  normOf,
  openTuning,
  readLatents,
  tuningSchema,
} from '../tuningBench.ts';

const schema = v.looseObject({
  ...tuningSchema.entries,
  timesteps: v.array(v.number()),
  input_ids: v.array(v.array(v.number())),
  rewards: v.array(v.number()),
  loss: v.number(),
  mse_per_sample: v.array(v.number()),
  grad_norm: v.number(),
  grad_norm_unet: v.number(),
  grad_norm_text: v.number(),
  unet_only: v.looseObject({ loss: v.number(), grad_norm: v.number() }),
  clipped_grad_norm_unet: v.number(),
  clipped_grad_norm_text: v.number(),
  adamw: v.looseObject({
    ...adamSchema.entries,
    lr_text: v.number(),
    log: v.array(
      v.looseObject({ loss_before_step: v.number(), grad_norm_before_clip: v.optional(v.number()) }),
    ),
  }),
});

export async function runGors(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = tolerancesOf(
    entry,
    [
      'encoder_hidden_states_atol',
      'model_pred_atol',
      'mse_rtol',
      'loss_rtol',
      'grad_atol',
      'grad_rtol',
      'grad_norm_rtol',
      'params_after_step_max_abs',
      'params_after_step_mean_abs',
      'text_params_after_step_max_abs',
      'text_params_after_step_mean_abs',
      'noisy_latents_atol',
    ],
    ['selection_rewards_atol'],
  );
  const bench = await openTuning(io, asked);
  const { file } = bench;
  const text = bench.text as TextWeights;
  const adapter = await bench.adapter(asked.files.peft as string, asked.files.text_peft as string);
  const unetAdapter = await bench.adapter(asked.files.peft as string);
  checkSize(report, unetAdapter, asked);
  const batch: NoisedBatch = {
    latents: await readLatents(file, ['latents']),
    noise: await readLatents(file, ['noise']),
    t: asked.timesteps,
    tokens: asked.input_ids,
    context: null,
    weights: tf.tensor1d(asked.rewards),
  };

  await checkRepeated(report, file, {
    timesteps: asked.timesteps,
    input_ids: asked.input_ids,
    rewards: asked.rewards,
    mse_per_sample: asked.mse_per_sample,
  });
  await checkNoising(report, bench, batch, { noisy_latents: tolerance.noisy_latents_atol });

  const norms = adapterWeightNorms(adapter);
  const encoded = encodeText(text, asked.input_ids, {
    output: 'last',
    project: adapterProjector(adapter, norms),
  });
  disposeWeightNorms(norms);
  report.close(
    'forward',
    'text embeddings',
    await take(encoded),
    await file.readF32('encoder_hidden_states'),
    { atol: tolerance.encoder_hidden_states_atol },
  );

  const seen: Tensor4D[] = [];
  const watched = {
    ...denoising,
    loss: (input: LossInput) => {
      seen.push(tf.keep(input.prediction.clone()), tf.keep(input.target.clone()));
      return denoising.loss(input);
    },
  };
  for (const mode of ['whole', 'byStage'] as const) {
    const found = await gradientsOf(bench.context(watched, { mode }), adapter, batch);
    report.closeNumber(mode, 'loss', found.loss, asked.loss, { rtol: tolerance.loss_rtol });
    report.closeNumber(mode, 'gradient norm', found.norm, asked.grad_norm, {
      rtol: tolerance.grad_norm_rtol,
    });
    const gradients = [...found.byKey.values()];
    const factor = Math.min(1, asked.adamw.max_grad_norm / (found.norm + 1e-6));
    for (const [part, ofText, whole, clipped] of [
      ['unet', false, asked.grad_norm_unet, asked.clipped_grad_norm_unet],
      ['text', true, asked.grad_norm_text, asked.clipped_grad_norm_text],
    ] as const) {
      const norm = normOf(gradients.filter((g) => g.text === ofText).map((g) => g.values));
      report.closeNumber(mode, `gradient norm, ${part}`, norm, whole, { rtol: tolerance.grad_norm_rtol });
      report.closeNumber(mode, `clipped norm, ${part}`, norm * factor, clipped, {
        rtol: tolerance.grad_norm_rtol,
      });
    }
    const bounds = { atol: tolerance.grad_atol, rtol: tolerance.grad_rtol };
    await compareGradients(
      report,
      mode,
      found,
      { file, prefix: 'grad.unet.', textPrefix: 'grad.text.' },
      bounds,
    );
  }
  const [prediction, target] = seen as [Tensor4D, Tensor4D];
  report.close(
    'forward',
    'mse per sample',
    await take(squaredErrors(prediction, target)),
    asked.mse_per_sample,
    { rtol: tolerance.mse_rtol },
  );
  report.close(
    'forward',
    'model_pred',
    await takeImage(prediction.clone()),
    await file.readF32('model_pred'),
    { atol: tolerance.model_pred_atol },
  );
  tf.dispose(seen);

  const plain: NoisedBatch = { ...batch, context: encodeText(text, asked.input_ids) };
  const alone = await gradientsOf(bench.context(denoising), unetAdapter, plain);
  plain.context?.dispose();
  report.closeNumber('unet only', 'loss', alone.loss, asked.unet_only.loss, { rtol: tolerance.loss_rtol });
  report.closeNumber('unet only', 'gradient norm', alone.norm, asked.unet_only.grad_norm, {
    rtol: tolerance.grad_norm_rtol,
  });

  await checkSteps({
    context: bench.context(denoising, { textRate: asked.adamw.lr_text / asked.adamw.lr }),
    adapter,
    batches: [batch],
    adamw: asked.adamw,
    file,
    report,
    stored: (step, ofText) =>
      ofText
        ? {
            prefix: `step${step}.text.`,
            maxAbs: tolerance.text_params_after_step_max_abs,
            meanAbs: tolerance.text_params_after_step_mean_abs,
          }
        : {
            prefix: `step${step}.unet.`,
            maxAbs: tolerance.params_after_step_max_abs,
            meanAbs: tolerance.params_after_step_mean_abs,
          },
    checkLoss: (id, loss, line) =>
      report.closeNumber(id, 'loss before', loss, line.loss_before_step, { rtol: tolerance.loss_rtol }),
    normRtol: tolerance.grad_norm_rtol,
    lastNorm: Number.POSITIVE_INFINITY,
  });
  checkAllRead(report, io, asked);
  disposeBatch(batch);
  disposeAdapter(adapter);
  disposeAdapter(unetAdapter);
  bench.dispose();
  if (asked.files.selection !== undefined)
    checkSelection(await io.json(asked.files.selection), report, tolerance.selection_rewards_atol);
}

const selectionSchema = v.looseObject({
  dataset: v.looseObject({ exceptions: v.record(v.string(), v.string()) }),
  images: v.array(v.string()),
  vqa_result: v.array(v.looseObject({ answer: v.string() })),
  thresholds: v.record(v.string(), v.object({ index_below_560: v.number(), index_from_560: v.number() })),
  selected: v.record(
    v.string(),
    v.looseObject({ images: v.array(v.string()), rewards: v.array(v.number()) }),
  ),
});

/** Upstream's rules for its files around our comparison: the i-th image by number has the i-th result. */
function checkSelection(json: unknown, report: Report, atol: number): void {
  const { dataset, images, vqa_result, thresholds, selected } = v.parse(selectionSchema, json);
  const prompts = Array.from({ length: 700 }, (_, i) => dataset.exceptions[String(i)] ?? `p${i}`);
  const numbered = images
    .map((image) => ({
      image,
      prompt: image.slice(0, image.lastIndexOf('_')),
      number: Number(/_(\d+)\.png$/.exec(image)?.[1]),
    }))
    .sort((a, b) => a.number - b.number);
  for (const [category, bounds] of Object.entries(thresholds)) {
    const kept = numbered.flatMap(({ image, prompt }, i) => {
      const index = prompts.indexOf(prompt);
      const reward = Number(vqa_result[i]?.answer);
      const threshold = index < 560 ? bounds.index_below_560 : bounds.index_from_560;
      return index >= 0 && exceeds(reward, threshold) ? [{ image, reward }] : [];
    });
    const expected = selected[category];
    if (expected === undefined) continue;
    report.equal(
      'selection',
      category,
      kept.map(({ image }) => image),
      expected.images,
    );
    report.close(
      'selection',
      `${category}, rewards`,
      kept.map(({ reward }) => reward),
      expected.rewards,
      { atol },
    );
  }
}
