// HN-ITM: every kind of negative with its bound, gradients, optimizer steps, and scores of image-text matching.

import * as v from 'valibot';
import { type Adapter, disposeAdapter } from '../../../src/adapters/adapter.ts';
import { adapterProjector, adapterWeightNorms, disposeWeightNorms } from '../../../src/adapters/project.ts';
import { denoise } from '../../../src/diffusion/denoise.ts';
import { noised } from '../../../src/diffusion/noising.ts';
import { scope, type Tensor, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import {
  denoising,
  hardNegatives,
  type LossInput,
  type Objective,
} from '../../../src/training/objectives.ts';
import type { NoisedBatch } from '../../../src/training/trainStep.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';
import { readTensor, take, takeImage } from '../tensors.ts';
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
  type TuningBench,
  tuningSchema,
} from '../tuningBench.ts';

const MODES = ['image', 'hard_caption', 'random_caption'] as const;
type Mode = (typeof MODES)[number];
const scalars = v.looseObject({ loss: v.number(), grad_norm: v.number() });
const scoresSchema = v.looseObject({ scores: v.array(v.array(v.number())), argmax: v.array(v.number()) });
const schema = v.looseObject({
  ...tuningSchema.entries,
  timesteps: v.array(v.number()),
  neg_loss_factor: v.number(),
  positive: scalars,
  modes: v.record(
    v.picklist(MODES),
    v.looseObject({
      ...scalars.entries,
      clamp_active: v.boolean(),
      variants: v.record(v.string(), scalars),
    }),
  ),
  adamw: v.looseObject({
    ...adamSchema.entries,
    micro_batches: v.array(v.picklist(MODES)),
    log: v.array(
      v.looseObject({
        losses_before_step: v.array(v.number()),
        grad_norm_before_clip: v.optional(v.number()),
      }),
    ),
  }),
  itm: v.optional(
    v.looseObject({
      timesteps: v.array(v.number()),
      sampling_steps: v.number(),
      text: scoresSchema,
      image: scoresSchema,
    }),
  ),
});

export async function runHnItm(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = tolerancesOf(entry, [
    'loss_atol',
    'grad_atol',
    'grad_rtol',
    'grad_norm_rtol',
    'itm_dists_atol',
    'itm_scores_atol',
    'params_after_step_max_abs',
    'params_after_step_mean_abs',
    'noisy_latents_atol',
    'model_pred_atol',
  ]);
  const bench = await openTuning(io, asked);
  const { file } = bench;
  const adapter = await bench.adapter(asked.files.peft as string);
  checkSize(report, adapter, asked);
  const gradient = { atol: tolerance.grad_atol, rtol: tolerance.grad_rtol };
  const batches = {} as Record<Mode, NoisedBatch>;
  for (const mode of MODES) batches[mode] = await batchOf(mode);

  await checkRepeated(report, file, { timesteps: asked.timesteps });
  await checkNoising(report, bench, batches.image, {
    noisy_latents: tolerance.noisy_latents_atol,
    noisy_latents_hard_negative: tolerance.noisy_latents_atol,
  });

  const alone = await positiveBatch();
  const plain = await gradientsOf(bench.context(denoising), adapter, alone);
  report.closeNumber('positive', 'loss', plain.loss, asked.positive.loss, { atol: tolerance.loss_atol });
  report.closeNumber('positive', 'gradient norm', plain.norm, asked.positive.grad_norm, {
    rtol: tolerance.grad_norm_rtol,
  });
  await compareGradients(report, 'positive', plain, { file, prefix: 'grad.positive.' }, gradient);
  disposeBatch(alone);

  for (const mode of MODES) {
    const expected = asked.modes[mode];
    if (expected === undefined) continue;
    // Where the bound is active the gradient is that of the positive part.
    const prefix = expected.clamp_active ? 'grad.positive.' : `grad.${mode}.`;
    const objective = hardNegatives(asked.neg_loss_factor);
    let predictions: Tensor4D | null = null;
    /** The loss as it is, with the predictions that it was given first kept. */
    const loss = (input: LossInput) => {
      predictions ??= tf.keep(input.prediction.clone());
      return objective.loss(input);
    };
    for (const sweep of ['whole', 'byStage'] as const) {
      const context = bench.context({ ...objective, loss }, { mode: sweep });
      const found = await gradientsOf(context, adapter, batches[mode]);
      const id = `${mode}, ${sweep}`;
      report.closeNumber(id, 'loss', found.loss, expected.loss, { atol: tolerance.loss_atol });
      report.closeNumber(id, 'gradient norm', found.norm, expected.grad_norm, {
        rtol: tolerance.grad_norm_rtol,
      });
      await compareGradients(report, id, found, { file, prefix }, gradient);
    }
    const both = await takeImage(predictions as unknown as Tensor4D);
    for (const [half, name] of ['model_pred', `model_pred_negative.${mode}`].entries()) {
      const [start, end] = [(half * both.length) / 2, ((half + 1) * both.length) / 2];
      report.close(mode, name, both.slice(start, end), await file.readF32(name), {
        atol: tolerance.model_pred_atol,
      });
    }
    for (const [variant, numbers] of Object.entries(expected.variants)) {
      const objective = objectiveOf(variant, asked.neg_loss_factor);
      const found = await gradientsOf(bench.context(objective), adapter, batches[mode]);
      report.closeNumber(`${mode}, ${variant}`, 'loss', found.loss, numbers.loss, {
        atol: tolerance.loss_atol,
      });
      report.closeNumber(`${mode}, ${variant}`, 'gradient norm', found.norm, numbers.grad_norm, {
        rtol: tolerance.grad_norm_rtol,
      });
    }
  }
  await checkSteps({
    context: bench.context(hardNegatives(asked.neg_loss_factor)),
    adapter,
    batches: asked.adamw.micro_batches.map((mode) => batches[mode]),
    adamw: asked.adamw,
    file,
    report,
    stored: storedSteps(tolerance),
    checkLoss: (id, loss, { losses_before_step: losses }) => {
      const mean = losses.reduce((a, b) => a + b, 0) / losses.length;
      report.closeNumber(id, 'loss before', loss, mean, { atol: tolerance.loss_atol });
    },
    normRtol: tolerance.grad_norm_rtol,
    lastNorm: Number.POSITIVE_INFINITY,
  });
  if (asked.itm !== undefined) {
    const expectedGrid = Array.from(
      { length: Math.ceil(980 / Math.trunc(1000 / asked.itm.sampling_steps)) },
      (_, k) => 10 + k * Math.trunc(1000 / (asked.itm?.sampling_steps ?? 1)),
    );
    report.equal('itm', 'timesteps', expectedGrid, asked.itm.timesteps);
    await checkMatching(bench, adapter, asked.itm, report, tolerance);
  }
  checkAllRead(report, io, asked);
  for (const mode of MODES) disposeBatch(batches[mode]);
  disposeAdapter(adapter);
  bench.dispose();

  async function positiveBatch(): Promise<NoisedBatch> {
    return {
      latents: await readLatents(file, ['latents']),
      noise: await readLatents(file, ['noise']),
      t: asked.timesteps,
      tokens: [],
      context: await readContexts(file, ['encoder_hidden_states.true']),
    };
  }

  /** The images with their captions, then the negatives with the same noise and timesteps. */
  async function batchOf(mode: Mode): Promise<NoisedBatch> {
    const caption = mode === 'image' ? 'true' : mode;
    return {
      latents: await readLatents(file, ['latents', mode === 'image' ? 'latents_hard_negative' : 'latents']),
      noise: await readLatents(file, ['noise', 'noise']),
      t: [...asked.timesteps, ...asked.timesteps],
      tokens: [],
      context: await readContexts(file, ['encoder_hidden_states.true', `encoder_hidden_states.${caption}`]),
    };
  }
}

/** Upstream's other losses by the names of the index. */
function objectiveOf(variant: string, factor: number): Objective {
  if (variant === 'relativistic') return hardNegatives(factor, true);
  if (variant === 'unhinged') return hardNegatives(Number.POSITIVE_INFINITY);
  const given = Number(/^factor_([\d.]+)$/.exec(variant)?.[1]);
  if (Number.isNaN(given)) throw new RangeError(`the variant "${variant}" is not known`);
  return hardNegatives(given);
}

/** Minus the mean over timesteps of the norm of the error; for choosing images, that without a prompt is subtracted. */
async function checkMatching(
  { unet, file, schedule }: TuningBench,
  adapter: Adapter,
  asked: {
    timesteps: number[];
    text: v.InferOutput<typeof scoresSchema>;
    image: v.InferOutput<typeof scoresSchema>;
  },
  report: Report,
  tolerance: { itm_dists_atol: number; itm_scores_atol: number },
): Promise<void> {
  const norms = adapterWeightNorms(adapter);
  const denoiser = { unet, adapter: adapterProjector(adapter, norms) };
  const [latents, prompts, unconditional, noises] = (await Promise.all(
    ['itm.latents', 'itm.prompt_embeds', 'itm.unconditional_embed', 'itm.noise'].map((name) =>
      readTensor(file, name),
    ),
  )) as [Tensor, Tensor, Tensor, Tensor];
  const [images, batch] = latents.shape as [number, number];
  const texts = prompts.shape[1] as number;
  const model = { schedule, prediction: 'epsilon' } as const;
  const nhwc = (x: Tensor): Tensor4D => tf.transpose(x, [0, 2, 3, 1]) as Tensor4D;
  /** Norms of the error of every image of the batch, for one text of each. */
  const errors = async (image: number, k: number, contextOf: () => Tensor3D): Promise<Float32Array> =>
    take(
      scope(() => {
        const z = nhwc(tf.squeeze(tf.slice(latents, [image], [1]), [0]));
        const eps = tf.tile(nhwc(tf.slice(noises, [k], [1])), [batch, 1, 1, 1]);
        const t = asked.timesteps[k] as number;
        const { zt } = noised(model, t, z, eps);
        const output = denoise(denoiser, zt, t, [contextOf()]);
        return tf.sqrt(tf.sum(tf.squaredDifference(output, eps), [1, 2, 3]));
      }),
    );
  const dists: Record<'text' | 'image', number[]> = { text: [], image: [] };
  const perRow: Record<'text' | 'image', number[][]> = {
    text: Array.from({ length: batch }, () => new Array<number>(texts * images).fill(0)),
    image: Array.from({ length: batch }, () => new Array<number>(texts * images).fill(0)),
  };
  for (let text = 0; text < texts; text++) {
    for (let image = 0; image < images; image++) {
      const grid: { text: number[]; image: number[] }[] = Array.from({ length: batch }, () => ({
        text: [],
        image: [],
      }));
      for (let k = 0; k < asked.timesteps.length; k++) {
        const own = await errors(
          image,
          k,
          () => tf.squeeze(tf.slice(prompts, [0, text], [-1, 1]), [1]) as Tensor3D,
        );
        const none = await errors(
          image,
          k,
          () => tf.tile(tf.expandDims(unconditional, 0), [batch, 1, 1]) as Tensor3D,
        );
        for (let b = 0; b < batch; b++) {
          grid[b]?.text.push(own[b] as number);
          grid[b]?.image.push((own[b] as number) - (none[b] as number));
        }
      }
      for (const kind of ['text', 'image'] as const) {
        grid.forEach((row, b) => {
          dists[kind].push(...row[kind]);
          const mean = row[kind].reduce((a, c) => a + c, 0) / row[kind].length;
          (perRow[kind][b] as number[])[text * images + image] = -mean;
        });
      }
    }
  }
  for (const kind of ['text', 'image'] as const) {
    report.close('itm', `${kind} dists`, dists[kind], await file.readF32(`itm.dists.${kind}`), {
      atol: tolerance.itm_dists_atol,
    });
    report.close('itm', `${kind} scores`, perRow[kind].flat(), asked[kind].scores.flat(), {
      atol: tolerance.itm_scores_atol,
    });
  }
  disposeWeightNorms(norms);
  tf.dispose([latents, prompts, unconditional, noises]);
}
