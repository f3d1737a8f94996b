// LoRA and DoRA: files of every format, prediction, loss, gradients, merged weights and AdamW steps with clipping.

import * as v from 'valibot';
import {
  type Adapter,
  adapterParameters,
  disposeAdapter,
  withParameters,
} from '../../../src/adapters/adapter.ts';
import type { FrozenWeights } from '../../../src/adapters/effective.ts';
import { DORA_SCALE_KEY, OVER_FROZEN } from '../../../src/adapters/export/kohyaDora.ts';
import { loadAdapter, plainAdapter, writeAdapter } from '../../../src/adapters/file.ts';
import { unetAdapterTargets } from '../../../src/adapters/targets.ts';
import { openSafetensors, type SafetensorsFile } from '../../../src/formats/safetensors.ts';
import { bytesSource } from '../../../src/lib/bytes.ts';
import type { Unet } from '../../../src/models/unet/run.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { disposeOptimizer, startOptimizer } from '../../../src/training/optimizer.ts';
import { trainStep } from '../../../src/training/trainStep.ts';
import { checkExports } from '../adapterExports.ts';
import { type Bench, gradientsOf, loraBench, mergedWeight, predict } from '../loraBench.ts';
import { loadUnet } from '../models.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';
import { take, takeImage } from '../tensors.ts';

const adamSchema = v.looseObject({
  lr: v.number(),
  weight_decay: v.number(),
  max_grad_norm: v.number(),
  log: v.array(
    v.looseObject({
      step: v.number(),
      loss_before_step: v.number(),
      grad_norm_before_clip: v.optional(v.number()),
    }),
  ),
});
const scalarsSchema = v.looseObject({ loss: v.number(), grad_norm: v.number() });
const schema = v.looseObject({
  base_unet: v.string(),
  config: v.looseObject({ r: v.number(), lora_alpha: v.number(), use_dora: v.boolean() }),
  trainable_params: v.number(),
  files: v.record(v.string(), v.string()),
  scheduler: v.unknown(),
  loss: v.number(),
  grad_norm: v.number(),
  other_losses_scalars: v.optional(v.record(v.string(), v.unknown()), {}),
  adamw: v.optional(adamSchema),
  adamw_clip005: v.optional(adamSchema),
});
type LoraCase = v.InferOutput<typeof schema>;

/** Each optimizer run of the index, and what its snapshots in the file are called before `stepK.`. */
const OPTIMIZER_RUNS = [
  { key: 'adamw', prefix: '' },
  { key: 'adamw_clip005', prefix: 'clip005.' },
] as const;

export async function runLora(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const base = v.parse(
    v.looseObject({ config: v.string(), weights: v.string() }),
    io.caseNamed(asked.base_unet),
  );
  const tolerance = tolerancesOf(entry, [
    'model_pred_atol',
    'loss_rtol',
    'grad_atol',
    'grad_rtol',
    'grad_norm_rtol',
    'merged_atol',
    'params_after_step_max_abs',
    'params_after_step_mean_abs',
  ]);
  const { model: unet, dispose } = await loadUnet(io, base);
  const file = await io.safetensors(asked.files.io as string);
  const bench = await loraBench(unet, file, asked.scheduler);
  const weights = await io.safetensors(base.weights);
  const frozen: FrozenWeights = (module) => weights.readF32(`${module.replace(/^unet\./, '')}.weight`);
  const open = async (path: string): Promise<Adapter> => {
    const opened = await io.safetensors(path);
    return loadAdapter(withHeader(opened, path, asked), unetAdapterTargets(unet), { frozen });
  };
  try {
    report.close(
      'base',
      'model_pred_without_adapter',
      await takeImage(predict(bench, null)),
      await file.readF32('model_pred_without_adapter'),
      { atol: tolerance.model_pred_atol },
    );
    for (const [format, path] of Object.entries(asked.files)) {
      if (!path.endsWith('.safetensors') || format === 'io') continue;
      const adapter = await open(path);
      report.close(
        format,
        'model_pred',
        await takeImage(predict(bench, adapter)),
        await file.readF32('model_pred'),
        {
          atol: tolerance.model_pred_atol,
        },
      );
      disposeAdapter(adapter);
    }
    const adapter = await open(asked.files.peft as string);
    const parameters = adapterParameters(adapter);
    report.equal(
      'peft',
      'trainable parameters',
      parameters.reduce((n, p) => n + p.tensor.size, 0),
      asked.trainable_params,
    );
    await checkGradients({ bench, adapter, file, asked, report, tolerance });
    await checkMerged(adapter, file, report, tolerance.merged_atol);
    await checkRoundTrip({ unet, bench, adapter, asked, io, report });
    await checkExports(
      { adapter: await plainAdapter(adapter), frozen, file, asked, io, report },
      tolerance.merged_atol,
    );
    disposeAdapter(adapter);
    for (const { key, prefix } of OPTIMIZER_RUNS) {
      const run = asked[key];
      if (run !== undefined)
        await checkSteps({
          bench,
          start: await open(asked.files.peft as string),
          file,
          run,
          prefix,
          report,
          tolerance,
        });
    }
  } finally {
    bench.dispose();
    dispose();
  }
}

/**
 * Files that carry no alpha of their own get it from the index, as peft gets it from adapter_config.json. The scales that
 * were corrected for ComfyUI are marked as our own files mark them.
 */
function withHeader(file: SafetensorsFile, path: string, asked: LoraCase): SafetensorsFile {
  if (path === asked.files.kohya_comfyui_compensated)
    return { ...file, metadata: { ...file.metadata, [DORA_SCALE_KEY]: OVER_FROZEN } };
  if (path !== asked.files.peft && path !== asked.files.diffusers) return file;
  return { ...file, metadata: { lora_adapter_metadata: JSON.stringify(asked.config) } };
}

type Check = {
  bench: Bench;
  file: SafetensorsFile;
  report: Report;
  tolerance: Record<
    | 'loss_rtol'
    | 'grad_atol'
    | 'grad_rtol'
    | 'grad_norm_rtol'
    | 'params_after_step_max_abs'
    | 'params_after_step_mean_abs',
    number
  >;
};

async function checkGradients(c: Check & { adapter: Adapter; asked: LoraCase }): Promise<void> {
  const { bench, adapter, file, asked, report, tolerance } = c;
  for (const mode of ['whole', 'byStage'] as const) {
    const { loss, gradNorm, gradients } = await gradientsOf(bench, adapter, { mode });
    report.closeNumber(mode, 'loss', loss, asked.loss, { rtol: tolerance.loss_rtol });
    report.closeNumber(mode, 'gradient norm', gradNorm, asked.grad_norm, { rtol: tolerance.grad_norm_rtol });
    for (const [key, values] of gradients) {
      const expected = await file.readF32(`grad.${key}`);
      report.close(mode, `grad.${key}`, values, expected, {
        atol: tolerance.grad_atol,
        rtol: tolerance.grad_rtol,
      });
    }
  }
  for (const [name, scalars] of Object.entries(asked.other_losses_scalars)) {
    const expected = v.safeParse(scalarsSchema, scalars);
    if (!expected.success) continue;
    const minSnr = /min_snr_gamma(\d+)/.exec(name)?.[1];
    const prediction = name.startsWith('v_prediction') ? 'v_prediction' : 'epsilon';
    const found = await gradientsOf(bench, adapter, {
      mode: 'whole',
      prediction,
      minSnrGamma: minSnr === undefined ? null : Number(minSnr),
    });
    report.closeNumber(name, 'loss', found.loss, expected.output.loss, { rtol: tolerance.loss_rtol });
    report.closeNumber(name, 'gradient norm', found.gradNorm, expected.output.grad_norm, {
      rtol: tolerance.grad_norm_rtol,
    });
  }
}

async function checkMerged(
  adapter: Adapter,
  file: SafetensorsFile,
  report: Report,
  atol: number,
): Promise<void> {
  for (const layer of adapter.layers) {
    const name = `merged.${layer.layer.name}.weight`;
    if (!file.entries.has(name)) continue;
    report.close('merged', name, await take(mergedWeight(layer)), await file.readF32(name), { atol });
  }
}

/** What we write has the keys that diffusers writes, and read back it predicts the same bits. */
async function checkRoundTrip(c: {
  unet: Unet;
  bench: Bench;
  adapter: Adapter;
  asked: LoraCase;
  io: OracleFiles;
  report: Report;
}): Promise<void> {
  const { unet, bench, adapter, asked, io, report } = c;
  const bytes = await writeAdapter(adapter, {});
  const written = await openSafetensors(bytesSource(bytes, 'written.safetensors'));
  const theirs = await io.safetensors(asked.files.diffusers as string);
  const shapes = (file: SafetensorsFile): string[] =>
    [...file.entries].map(([key, entry]) => `${key} [${entry.shape}]`).sort();
  report.equal('written', 'keys and shapes', shapes(written), shapes(theirs));
  const again = await loadAdapter(written, unetAdapterTargets(unet));
  const scaled = adapter.layers.some((layer) => layer.scaling !== 1);
  const before = await takeImage(predict(bench, adapter));
  const after = await takeImage(predict(bench, again));
  // A scaling other than 1 is folded into B, which rounds once more.
  report.closeToOwn('written', 'prediction after reading back', after, before, { atol: scaled ? 1e-5 : 0 });
  disposeAdapter(again);
}

async function checkSteps(
  c: Check & { start: Adapter; run: v.InferOutput<typeof adamSchema>; prefix: string },
): Promise<void> {
  const { bench, file, run, prefix, report, tolerance } = c;
  const id = prefix === '' ? 'adamw' : `adamw ${prefix.slice(0, -1)}`;
  const params = adapterParameters(c.start).map((p) => tf.keep(p.tensor.clone()));
  disposeAdapter(c.start);
  let state = { adapter: withParameters(c.start, params), optimizer: startOptimizer(params) };
  const options = {
    batch: 1,
    accumulation: 1,
    learningRate: run.lr,
    warmup: 0,
    clip: run.max_grad_norm,
    weightDecay: run.weight_decay,
    flushAtEpochEnd: false,
  };
  for (const line of run.log) {
    const result = await trainStep(bench.context({ mode: 'whole' }), state, [bench.batch], options);
    report.closeNumber(id, `loss before step ${line.step}`, result.loss, line.loss_before_step, {
      rtol: tolerance.loss_rtol,
    });
    if (line.grad_norm_before_clip !== undefined) {
      report.closeNumber(id, `gradient norm ${line.step}`, result.gradNorm, line.grad_norm_before_clip, {
        rtol: tolerance.grad_norm_rtol,
      });
    }
    state = result.state;
    for (const [i, parameter] of adapterParameters(state.adapter).entries()) {
      const key = bench.peftKey(parameter.name);
      const compare = async (stored: string, tensor: tf.Tensor): Promise<void> => {
        const name = `${prefix}step${line.step}.${stored}${key}`;
        if (!file.entries.has(name)) return;
        const values = await bench.inFileLayout(parameter.name, tensor);
        const expected = await file.readF32(name);
        report.close(id, name, values, expected, { atol: tolerance.params_after_step_max_abs });
        report.closeInMean(id, `${name} (mean)`, values, expected, tolerance.params_after_step_mean_abs);
      };
      await compare('', parameter.tensor);
      await compare('exp_avg.', state.optimizer.m[i] as tf.Tensor);
      await compare('exp_avg_sq.', state.optimizer.v[i] as tf.Tensor);
    }
  }
  disposeOptimizer(state.optimizer);
}
