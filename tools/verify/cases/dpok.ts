// DPOK: a sampled batch with its log-probabilities, the value network and its step, the policy's loss, gradients and steps.

import * as v from 'valibot';
import { disposeAdapter } from '../../../src/adapters/adapter.ts';
import { adapterProjector, adapterWeightNorms, disposeWeightNorms } from '../../../src/adapters/project.ts';
import { denoise } from '../../../src/diffusion/denoise.ts';
import { guideAndMeasure } from '../../../src/diffusion/guidance.ts';
import type { GaussianKernel } from '../../../src/diffusion/kernel.ts';
import { sample } from '../../../src/diffusion/sample.ts';
import { transitionLogProb } from '../../../src/diffusion/transition.ts';
import { guide, type PolicyOptions, policyLoss, ratios } from '../../../src/methods/code/dpok.ts';
import { scope, type Tensor, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { denoising } from '../../../src/training/objectives.ts';
import type { VisitedBatch } from '../../../src/training/trainStep.ts';
import {
  checkKernels,
  checkValue,
  type DpokCase,
  dpokSchema,
  meansOf,
  readBatch,
  SETTINGS,
  stochastic,
} from '../dpokBench.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';
import { take, takeImage } from '../tensors.ts';
import {
  checkAllRead,
  checkSize,
  checkSteps,
  compareGradients,
  gradientsOf,
  meanGradients,
  openTuning,
  storedSteps,
} from '../tuningBench.ts';

/** The index gives no bound for the two predictions; that of the other cases' on the same network. */
const PREDICTION_ATOL = 1e-4;

export async function runDpok(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(dpokSchema, entry);
  const tolerance = tolerancesOf(entry, [
    ...(['mean_atol', 'latents_chained_atol', 'std_rtol', 'log_prob_atol', 'ratio_atol', 'kl_rtol'] as const),
    ...(['kernel_mean_atol', 'kernel_log_prob_atol'] as const),
    ...(['single_loss_rtol', 'single_grad_atol', 'single_grad_rtol', 'single_grad_norm_rtol'] as const),
    ...(['multi_loss_rtol', 'multi_grad_atol', 'multi_grad_rtol', 'multi_grad_norm_rtol'] as const),
    ...(['value_atol', 'value_loss_rtol', 'value_grad_atol', 'value_grad_rtol'] as const),
    'value_params_after_step_max_abs',
    'params_after_step_max_abs',
    'params_after_step_mean_abs',
  ]);
  const bench = await openTuning(io, asked);
  const { file } = bench;
  const drawn = await bench.adapter(asked.files.peft as string);
  const policy = await bench.adapter(asked.files.peft_policy as string);
  checkSize(report, policy, asked);
  const scheduler = stochastic(asked, asked.num_inference_steps);
  report.equal('grid', 'timesteps', scheduler.timesteps, asked.timesteps);
  const kernels = scheduler.timesteps.map((_, i) => scheduler.kernel?.(i) as GaussianKernel);

  await checkKernels(file, asked, report, tolerance);
  const numbers = await readBatch(file, asked);
  await checkSampling();
  const values = await checkValue(
    await io.safetensors(asked.files.value as string),
    asked,
    numbers,
    report,
    tolerance,
  );
  await checkTransitions();
  await checkPolicy();
  checkAllRead(report, io, asked);
  disposeAdapter(drawn);
  disposeAdapter(policy);
  numbers.dispose();
  bench.dispose();

  /** The whole batch from its noise, then every step from the latents that are stored. */
  async function checkSampling(): Promise<void> {
    const norms = adapterWeightNorms(drawn);
    const denoiser = { unet: bench.unet, adapter: adapterProjector(drawn, norms) };
    const latents: Tensor4D[] = [];
    const logProbs: Tensor[] = [];
    const run = await sample({
      denoiser,
      scheduler,
      contexts: [numbers.uncond, numbers.cond],
      noise: (draw) => (draw === 0 ? numbers.latents[0] : numbers.noises[draw - 1])?.clone() as Tensor4D,
      combine: guideAndMeasure(asked.guidance_scale),
      onStep: ({ i, zt, output, next }) => {
        latents.push(tf.keep(next.clone()));
        logProbs.push(tf.keep(transitionLogProb(rowsOfStep(i), { zt, output, next })));
      },
    });
    run.latents.dispose();
    report.close(
      'run',
      'std',
      kernels.map(({ std }) => std),
      await file.readF32('traj.std'),
      { rtol: tolerance.std_rtol },
    );
    const start = await takeImage((numbers.latents[0] as Tensor4D).clone());
    report.closeToOwn('run', 'latents before', start, await file.readF32('traj.initial_latents'), {});
    const predictions = [await file.readF32('traj.eps_uncond'), await file.readF32('traj.eps_cond')];
    for (const [i, t] of asked.timesteps.entries()) {
      const [zt, next] = [numbers.latents[i], numbers.latents[i + 1]] as [Tensor4D, Tensor4D];
      report.close(
        'run',
        `latents after t=${t}`,
        await takeImage(latents[i] as Tensor4D),
        await takeImage(next.clone()),
        {
          atol: tolerance.latents_chained_atol,
        },
      );
      report.close('run', `log_prob at t=${t}`, await take(logProbs[i] as Tensor), numbers.logProb(i), {
        atol: tolerance.log_prob_atol,
      });
      const { outputs, mean, logProb } = scope(() => {
        const outputs = denoise(denoiser, zt, t, [numbers.uncond, numbers.cond]);
        const output = guide(outputs, asked.guidance_scale);
        const rows = rowsOfStep(i);
        return {
          outputs,
          mean: meansOf(rows, zt, output),
          logProb: transitionLogProb(rows, { zt, output, next }),
        };
      });
      const expected = predictions.flatMap((all) => [...numbers.ofStep(all, i)]);
      report.close('step', `predictions at t=${t}`, await takeImage(outputs), expected, {
        atol: PREDICTION_ATOL,
      });
      report.close('step', `mean at t=${t}`, await takeImage(mean), numbers.mean(i), {
        atol: tolerance.mean_atol,
      });
      report.close('step', `log_prob at t=${t}`, await take(logProb), numbers.logProb(i), {
        atol: tolerance.log_prob_atol,
      });
    }
    disposeWeightNorms(norms);
  }

  function rowsOfStep(i: number): GaussianKernel[] {
    return Array.from({ length: asked.samples }, () => kernels[i] as GaussianKernel);
  }

  /** Log-probabilities of the stored steps under both adapters, and how far the policy is from the base model. */
  async function checkTransitions(): Promise<void> {
    const found = { same: [] as number[], policy: [] as number[], ratio: [] as number[], kl: [] as number[] };
    const norms = [adapterWeightNorms(drawn), adapterWeightNorms(policy)] as const;
    const [own, tuned] = [drawn, policy].map((adapter, k) => ({
      unet: bench.unet,
      adapter: adapterProjector(adapter, norms[k] ?? new Map()),
    })) as [Parameters<typeof denoise>[0], Parameters<typeof denoise>[0]];
    for (const [i, t] of asked.timesteps.entries()) {
      const [zt, next] = [numbers.latents[i], numbers.latents[i + 1]] as [Tensor4D, Tensor4D];
      const old = numbers.logProb(i);
      const rows = Array.from(old, (logProb) => ({ kernel: kernels[i] as GaussianKernel, logProb }));
      const { same, now, ratio, kl } = scope(() => {
        const outputOf = (denoiser: typeof own, adapters: 'on' | 'off' = 'on'): Tensor4D =>
          guide(denoise(denoiser, zt, t, [numbers.uncond, numbers.cond], { adapters }), asked.guidance_scale);
        const output = outputOf(tuned);
        const densities = (x: Tensor4D): Tensor => transitionLogProb(rowsOfStep(i), { zt, output: x, next });
        return {
          same: densities(outputOf(own)),
          now: densities(output),
          ratio: ratios(rows, { zt, output, next }),
          kl: tf.mean(tf.squaredDifference(output, outputOf(tuned, 'off')), [1, 2, 3]),
        };
      });
      found.same.push(...(await take(same)));
      found.policy.push(...(await take(now)));
      found.ratio.push(...(await take(ratio)));
      found.kl.push(...(await take(kl)));
    }
    for (const norm of norms) disposeWeightNorms(norm);
    const stored = (name: string): Promise<Float32Array> => file.readF32(`train.${name}`);
    const density = { atol: tolerance.log_prob_atol };
    report.close(
      'transitions',
      'log_prob, same adapter',
      found.same,
      await stored('log_prob_same_adapter'),
      density,
    );
    report.close('transitions', 'log_prob, policy', found.policy, await stored('log_prob_policy'), density);
    report.close('transitions', 'ratio', found.ratio, await stored('ratio_raw'), {
      atol: tolerance.ratio_atol,
    });
    report.close('transitions', 'kl', found.kl, await stored('kl_mean_per_transition'), {
      rtol: tolerance.kl_rtol,
    });
    const advantages = Array.from(
      values,
      (value, row) => (asked.buffer.final_reward[row % asked.samples] as number) - value,
    );
    report.close('transitions', 'advantage', advantages, await stored('advantage'), {
      atol: tolerance.value_atol,
    });
    const chosen = asked.policy.batch_rows.flat().map((row) => found.ratio[row] as number);
    const clip = asked.policy.ratio_clip;
    const clipped = chosen.map((ratio) => Math.min(Math.max(ratio, 1 - clip), 1 + clip));
    report.close('transitions', 'clipped ratio', clipped, asked.policy.ratio_clipped, {
      atol: tolerance.ratio_atol,
    });
    report.equal(
      'transitions',
      'clipped',
      chosen.map((ratio, k) => ratio !== clipped[k]),
      asked.policy.clipped,
    );
  }

  async function checkPolicy(): Promise<void> {
    const context = bench.context({ ...denoising, rows: 2, reference: true });
    for (const name of SETTINGS) {
      const expected = asked.policy.settings[name];
      if (expected === undefined) continue;
      for (const mode of ['whole', 'byStage'] as const) {
        const id = `${name}, ${mode}`;
        const batches = batchesOf(name);
        const parts = [];
        for (const batch of batches) parts.push(await gradientsOf({ ...context, mode }, policy, batch));
        const losses = parts.map(({ loss }) => loss / batches.length);
        const loss = { rtol: tolerance[`${name}_loss_rtol`] };
        const total = losses.reduce((a, b) => a + b, 0);
        report.close(
          id,
          'loss of each micro-batch',
          losses,
          expected.loss_per_micro_batch_divided_by_accumulation,
          {
            // A part of a sum that cancels is as exact as the whole.
            atol: loss.rtol * Math.abs(expected.total_loss),
            ...loss,
          },
        );
        report.closeNumber(id, 'loss', total, expected.total_loss, loss);
        const mean = meanGradients(parts);
        report.closeNumber(id, 'gradient norm', mean.norm, expected.grad_norm, {
          rtol: tolerance[`${name}_grad_norm_rtol`],
        });
        await compareGradients(
          report,
          id,
          mean,
          { file, prefix: `grad.${name}.` },
          {
            atol: tolerance[`${name}_grad_atol`],
            rtol: tolerance[`${name}_grad_rtol`],
          },
        );
        disposeBatches(batches);
      }
    }
    const batches = batchesOf(asked.adamw.setting);
    await checkSteps({
      context,
      adapter: policy,
      batches,
      adamw: asked.adamw,
      file,
      report,
      stored: storedSteps(tolerance),
      checkLoss: (id, loss, line) => {
        const rtol = tolerance[`${asked.adamw.setting}_loss_rtol`];
        report.closeNumber(id, 'loss before', loss, line.loss_before_step, { rtol });
      },
      normRtol: tolerance[`${asked.adamw.setting}_grad_norm_rtol`],
      lastNorm: 1,
    });
    disposeBatches(batches);
  }

  function batchesOf(name: (typeof SETTINGS)[number]): VisitedBatch[] {
    const setting = asked.policy.settings[name] as NonNullable<DpokCase['policy']['settings']['single']>;
    const options: PolicyOptions = {
      guidance: asked.guidance_scale,
      rewardWeight: setting.reward_weight,
      klWeight: setting.kl_weight,
      ratioClip: asked.policy.ratio_clip,
      klScale: () => 1,
    };
    return asked.policy.batch_rows.map((rows) => {
      const [zt, next] = [numbers.transitions(rows, 0), numbers.transitions(rows, 1)];
      const t = rows.map((row) => asked.timesteps[Math.floor(row / asked.samples)] as number);
      const policyRows = rows.map((row, k) => ({
        kernel: kernels[Math.floor(row / asked.samples)] as GaussianKernel,
        t: t[k] as number,
        logProb: numbers.logProb(Math.floor(row / asked.samples))[row % asked.samples] as number,
        advantage: (asked.buffer.final_reward[row % asked.samples] as number) - (values[row] as number),
      }));
      const sample = rows.map((row) => row % asked.samples);
      const context = scope(
        () => tf.concat([pick(numbers.uncond, sample), pick(numbers.cond, sample)]) as Tensor3D,
      );
      const loss = policyLoss(policyRows, { zt, next }, options);
      return { zt: tf.concat([zt, zt]) as Tensor4D, t: [...t, ...t], tokens: [], context, loss };
    });
  }
}

/** The rows of `x` with these numbers, in their order. */
function pick(x: Tensor3D, rows: readonly number[]): Tensor3D {
  return tf.concat(rows.map((row) => tf.slice(x, [row], [1]))) as Tensor3D;
}

function disposeBatches(batches: readonly VisitedBatch[]): void {
  for (const { zt, context } of batches) tf.dispose(context === null ? [zt] : [zt, context]);
}
