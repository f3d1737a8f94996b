// What a step takes on paper: the real code runs on a device that computes nothing, and every dispatch says how many
// multiply-adds it makes and how many bytes its buffers hold.

import { constantReader } from '../../../src/models/checkpointReader.ts';
import { urlFolder } from '../../../src/models/folder.ts';
import { assembleModel } from '../../../src/models/load.ts';
import { type ModelShape, readModelShape } from '../../../src/models/shape.ts';
import { disposePrepared, prepareUnet } from '../../../src/models/unet/prepared.ts';
import { preparedInput, runUnet } from '../../../src/models/unet/run.ts';
import { noiseDifference } from '../../../src/tensor/ops/noiseDifference.ts';
import { type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import type { Encoded } from '../../../src/tensor/webgpu/encoder.ts';
import { recordInto } from '../../../src/tensor/webgpu/launch.ts';
import { rehearse } from '../../../src/tensor/webgpu/rehearsalDevice.ts';
import { chooseVariant, chosenVariant, productOps } from '../../../src/tensor/webgpu/variantState.ts';
import { SCHEDULER, SD21_BASE, shapeOf } from '../../rehearse/modelConfigs.ts';
import type { Bench } from '../bench.ts';

/** Rows: the two halves of a guided pair for each candidate. */
const STEPS = [
  { model: 'SD-2.1', candidates: 1, latents: 64, tokens: 77 },
  { model: 'shapes', candidates: 1, latents: 8, tokens: 24 },
  { model: 'shapes', candidates: 32, latents: 8, tokens: 24 },
] as const;

export async function run(bench: Bench): Promise<void> {
  const shapes = {
    'SD-2.1': shapeOf(SD21_BASE),
    shapes: await readModelShape(urlFolder(new URL('/models/shapes/', location.href).href)),
  };
  for (const { model, candidates, latents, tokens } of STEPS) {
    const launches = await countStep(shapes[model], { rows: 2 * candidates, latents, tokens });
    const title = `${model}, one guided step of ${candidates} at ${latents} x ${latents}`;
    const kernels = new Map<string, Encoded[]>();
    for (const launch of launches) {
      const kernel = launch.label.split('/')[0] as string;
      kernels.set(kernel, [...(kernels.get(kernel) ?? []), launch]);
    }
    const sums = [...kernels, ['all', launches] as const]
      .map(([name, list]) => ({ name, dispatches: list.length, ...totals(list) }))
      .sort((a, b) => b.flops - a.flops || b.bytes - a.bytes);
    for (const { name, dispatches, flops, bytes } of sums) {
      await bench.value(title, `${name}: dispatches`, dispatches, '');
      await bench.value(title, `${name}: GFLOP`, flops / 1e9, '');
      await bench.value(title, `${name}: MB`, bytes / 1e6, '');
    }
  }
}

function totals(launches: readonly Encoded[]): { flops: number; bytes: number } {
  return {
    flops: launches.reduce((sum, { work }) => sum + 2 * work, 0),
    bytes: launches.reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, 0),
  };
}

type StepSizes = { readonly rows: number; readonly latents: number; readonly tokens: number };

/** The launches of a prepared step with the forms that a GPU takes by default, halves as weights. */
async function countStep(
  shape: ModelShape,
  { rows, latents, tokens }: StepSizes,
): Promise<readonly Encoded[]> {
  const empty = { reader: constantReader(0), sizeBytes: 0 };
  const ids = new Array<number>(tokens).fill(0);
  const before = productOps.map((op) => chosenVariant(op));
  for (const op of productOps) chooseVariant(op, 'tiles');
  try {
    return await rehearse(async () => {
      const model = await assembleModel(
        shape,
        { unet: empty, vae: empty, text: empty },
        {
          name: 'paper',
          tokenizer: { maxTokens: tokens, encode: () => ({ ids, used: 1, dropped: 0 }) },
          schedulerConfig: SCHEDULER,
          format: 'f16',
          parts: 'byPhase',
        },
      );
      await model.parts.unet.load();
      const { weights } = model.unet;
      const { inChannels, contextWidth } = weights.config;
      const zt = tf.zeros([rows, latents, latents, inChannels]) as Tensor4D;
      const context = tf.zeros([rows, tokens, contextWidth]) as Tensor3D;
      const prepared = prepareUnet(weights, [1], context, {});
      const launches: Encoded[] = [];
      recordInto(launches, () =>
        tf.tidy(() =>
          noiseDifference(runUnet(model.unet, zt, preparedInput(model.unet, prepared, context, {})), 7.5),
        ),
      );
      disposePrepared(prepared);
      tf.dispose([zt, context]);
      model.dispose();
      return launches;
    });
  } finally {
    productOps.forEach((op, i) => {
      chooseVariant(op, before[i] as 'registers');
    });
  }
}
