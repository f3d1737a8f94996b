// What DPOK's case stores: its entry in the index, the sampled batch, and the value network, which is checked here.

import * as v from 'valibot';
import { createScheduler } from '../../src/diffusion/createScheduler.ts';
import type { GaussianKernel } from '../../src/diffusion/kernel.ts';
import type { Scheduler } from '../../src/diffusion/scheduler.ts';
import { parseSchedulerFile, resolveScheduler } from '../../src/diffusion/schedulerConfig.ts';
import { transitionLogProb } from '../../src/diffusion/transition.ts';
import type { SafetensorsFile } from '../../src/formats/safetensors.ts';
import { guide } from '../../src/methods/code/dpok.ts';
import { scope, type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from '../../src/tensor/tf.ts';
import { disposeOptimizer, startOptimizer } from '../../src/training/optimizer.ts';
import { addGradients } from '../../src/training/trainStep.ts';
import { expectedReward, valueGradients, valueStep } from '../../src/training/valueNetwork.ts';
import type { Report } from './report.ts';
import { readImage, readTensor, take, takeImage } from './tensors.ts';
import { adamSchema, tuningSchema } from './tuningBench.ts';

export const SETTINGS = ['single', 'multi'] as const;
const rowsSchema = v.array(v.array(v.number()));
export const dpokSchema = v.looseObject({
  ...tuningSchema.entries,
  eta: v.number(),
  guidance_scale: v.number(),
  num_inference_steps: v.number(),
  timesteps: v.array(v.number()),
  samples: v.number(),
  kernel: v.looseObject({ num_inference_steps: v.number(), timesteps: v.array(v.number()) }),
  buffer: v.looseObject({ final_reward: v.array(v.number()) }),
  value: v.looseObject({
    lr: v.number(),
    weight_decay: v.number(),
    batch_rows: rowsSchema,
    loss_per_batch_divided_by_batches: v.array(v.number()),
    total_loss: v.number(),
  }),
  policy: v.looseObject({
    batch_rows: rowsSchema,
    ratio_clip: v.number(),
    advantage: v.array(v.number()),
    ratio_raw: v.array(v.number()),
    ratio_clipped: v.array(v.number()),
    clipped: v.array(v.boolean()),
    settings: v.record(
      v.picklist(SETTINGS),
      v.looseObject({
        reward_weight: v.number(),
        kl_weight: v.number(),
        kl_regularizer_per_micro_batch: v.array(v.number()),
        loss_per_micro_batch_divided_by_accumulation: v.array(v.number()),
        total_loss: v.number(),
        grad_norm: v.number(),
      }),
    ),
  }),
  adamw: v.looseObject({
    ...adamSchema.entries,
    setting: v.picklist(SETTINGS),
    log: v.array(
      v.looseObject({ loss_before_step: v.number(), grad_norm_before_clip: v.optional(v.number()) }),
    ),
  }),
});
export type DpokCase = v.InferOutput<typeof dpokSchema>;
type DpokBatch = Awaited<ReturnType<typeof readBatch>>;
type KernelTolerance = Readonly<Record<'std_rtol' | 'kernel_mean_atol' | 'kernel_log_prob_atol', number>>;
type ValueTolerance = Readonly<
  Record<
    | 'value_atol'
    | 'value_loss_rtol'
    | 'value_grad_atol'
    | 'value_grad_rtol'
    | 'value_params_after_step_max_abs',
    number
  >
>;

/** The sampled batch; transitions are numbered as step * samples + sample. */
export async function readBatch(file: SafetensorsFile, { samples, timesteps }: DpokCase) {
  const prompts = (await readTensor(file, 'traj.prompt_embeds')) as Tensor3D;
  const empty = await readTensor(file, 'traj.negative_prompt_embed');
  const uncond = scope(() => tf.tile(tf.expandDims(empty, 0), [samples, 1, 1]) as Tensor3D);
  empty.dispose();
  const latents = await readSteps(file, 'traj.latents');
  const noises = await readSteps(file, 'traj.step_noise');
  const text = (await readTensor(file, 'buffer.text_features')) as Tensor2D;
  const logProbs = await file.readF32('traj.log_prob');
  const means = await file.readF32('traj.mean');
  const ofStep = (all: Float32Array, i: number): Float32Array => {
    const size = all.length / timesteps.length;
    return all.slice(i * size, (i + 1) * size);
  };
  /** Where transitions begin, or the latents they lead to with `offset` 1 [rows, h, w, c]. */
  const transitions = (rows: readonly number[], offset: number): Tensor4D =>
    scope(() => {
      const parts = rows.map((row) => {
        const step = latents[Math.floor(row / samples) + offset] as Tensor4D;
        return tf.slice(step, [row % samples], [1]);
      });
      return tf.concat(parts) as Tensor4D;
    });
  return {
    uncond,
    cond: prompts,
    latents,
    noises,
    transitions,
    ofStep,
    logProb: (i: number) => ofStep(logProbs, i),
    mean: (i: number) => ofStep(means, i),
    valueInput: (rows: readonly number[]) => ({
      zt: transitions(rows, 0),
      text: scope(() => tf.concat(rows.map((row) => tf.slice(text, [row % samples], [1]))) as Tensor2D),
      steps: rows.map((row) => Math.floor(row / samples)),
    }),
    dispose: () => tf.dispose([uncond, prompts, text, ...latents, ...noises]),
  };
}

/** [steps, N, c, h, w] of the file as one NHWC tensor for each step. */
async function readSteps(file: SafetensorsFile, name: string): Promise<Tensor4D[]> {
  const all = await readTensor(file, name);
  const steps = scope(() => tf.unstack(all).map((step) => tf.transpose(step, [0, 2, 3, 1]) as Tensor4D));
  all.dispose();
  return steps;
}

/** The file's tensors in the order of our network; a linear weight [out, in] there is [in, out] here. */
function valueNames(file: SafetensorsFile): readonly string[] {
  const layers = [1, 2, 3].filter((k) => file.entries.has(`lin${k}.lin.weight`));
  return [
    ...layers.flatMap((k) => [`lin${k}.lin.weight`, `lin${k}.lin.bias`, `lin${k}.embed.weight`]),
    'lin4.weight',
    'lin4.bias',
  ];
}

/** Between the file's layout and ours, either way; disposes its argument. */
function inRows(name: string, x: Tensor): Tensor {
  const isMatrix = name.endsWith('.weight') && !name.includes('embed');
  if (!isMatrix) return x;
  const turned = tf.transpose(x);
  x.dispose();
  return turned;
}

/** The value network, its losses, gradients and step. @returns V of every transition after the step */
export async function checkValue(
  stored: SafetensorsFile,
  asked: DpokCase,
  numbers: DpokBatch,
  report: Report,
  tolerance: ValueTolerance,
): Promise<Float32Array> {
  const names = valueNames(stored);
  const layout = async (prefix: string): Promise<Tensor[]> =>
    Promise.all(names.map(async (name) => inRows(name, await readTensor(stored, prefix + name))));
  const state = startOptimizer((await layout('')).map((x) => tf.keep(x)));
  const everything = Array.from({ length: asked.samples * asked.timesteps.length }, (_, row) => row);
  const all = numbers.valueInput(everything);
  report.close(
    'value',
    'before',
    await take(expectedReward(state.params, all)),
    await stored.readF32('value_before'),
    {
      atol: tolerance.value_atol,
    },
  );
  let sums: readonly Tensor[] | null = null;
  let total = 0;
  const { batch_rows, loss_per_batch_divided_by_batches, lr, weight_decay, total_loss } = asked.value;
  for (const [b, rows] of batch_rows.entries()) {
    const input = numbers.valueInput(rows);
    const rewards = rows.map((row) => asked.buffer.final_reward[row % asked.samples] as number);
    const { loss, gradients } = valueGradients(state.params, input, rewards);
    const share = ((await take(loss))[0] as number) / batch_rows.length;
    total += share;
    report.closeNumber('value', `loss of batch ${b}`, share, loss_per_batch_divided_by_batches[b] as number, {
      rtol: tolerance.value_loss_rtol,
    });
    sums = addGradients(sums, gradients);
    tf.dispose([input.zt, input.text]);
  }
  report.closeNumber('value', 'loss', total, total_loss, { rtol: tolerance.value_loss_rtol });
  const summed = sums ?? [];
  const next = valueStep(state, summed, { rate: lr, decay: weight_decay, batches: batch_rows.length });
  for (const [k, name] of names.entries()) {
    const gradient = tf.div(summed[k] as Tensor, batch_rows.length);
    report.close(
      'value',
      `grad.${name}`,
      await take(inRows(name, gradient)),
      await stored.readF32(`grad.${name}`),
      {
        atol: tolerance.value_grad_atol,
        rtol: tolerance.value_grad_rtol,
      },
    );
    const learned = (next.params[k] as Tensor).clone();
    report.close(
      'value',
      `step1.${name}`,
      await take(inRows(name, learned)),
      await stored.readF32(`step1.${name}`),
      {
        atol: tolerance.value_params_after_step_max_abs,
      },
    );
  }
  const after = await take(expectedReward(next.params, all));
  report.close('value', 'after', after, await stored.readF32('value_after'), {
    atol: tolerance.value_atol,
  });
  tf.dispose([...summed, all.zt, all.text]);
  disposeOptimizer(state);
  disposeOptimizer(next);
  return after;
}

/** The reverse kernel alone, on given numbers. */
export async function checkKernels(
  file: SafetensorsFile,
  asked: DpokCase,
  report: Report,
  tolerance: KernelTolerance,
): Promise<void> {
  const alone = stochastic(asked, asked.kernel.num_inference_steps);
  const rows = asked.kernel.timesteps.map(
    (t) => alone.kernel?.(alone.timesteps.indexOf(t)) as GaussianKernel,
  );
  const [zt, output, next] = [
    await readImage(file, 'kernel.latents'),
    await readImage(file, 'kernel.eps_guided'),
    await readImage(file, 'kernel.next_latents'),
  ];
  const logProb = transitionLogProb(rows, { zt, output, next });
  const [uncond, cond] = [
    await readImage(file, 'kernel.eps_uncond'),
    await readImage(file, 'kernel.eps_cond'),
  ];
  const guided = await takeImage(
    scope(() => guide(tf.concat([uncond, cond]) as Tensor4D, asked.guidance_scale)),
  );
  tf.dispose([uncond, cond]);
  report.close('kernel', 'guided', guided, await file.readF32('kernel.eps_guided'), {
    atol: tolerance.kernel_mean_atol,
  });
  const std = rows.map((row) => row.std);
  const mean = await takeImage(meansOf(rows, zt, output));
  report.close('kernel', 'std', std, await file.readF32('kernel.std'), { rtol: tolerance.std_rtol });
  report.close('kernel', 'mean', mean, await file.readF32('kernel.mean'), {
    atol: tolerance.kernel_mean_atol,
  });
  report.close('kernel', 'log_prob', await take(logProb), await file.readF32('kernel.log_prob'), {
    atol: tolerance.kernel_log_prob_atol,
  });
  tf.dispose([zt, output, next]);
}

/** DDIM with the case's eta. */
export function stochastic({ scheduler, eta }: DpokCase, steps: number): Scheduler {
  return createScheduler(resolveScheduler(parseSchedulerFile(scheduler), 'ddim', { eta }), steps);
}

/** kernel.mean.z zt + kernel.mean.output output, row by row. */
export function meansOf(rows: readonly GaussianKernel[], zt: Tensor4D, output: Tensor4D): Tensor4D {
  const perRow = (values: number[]): Tensor4D => tf.tensor4d(values, [values.length, 1, 1, 1]);
  return scope(
    () =>
      tf.add(
        tf.mul(zt, perRow(rows.map(({ mean }) => mean.z))),
        tf.mul(output, perRow(rows.map(({ mean }) => mean.output))),
      ) as Tensor4D,
  );
}
