// Every form of products and attention on sizes of the networks, by the GPU's own time: which earns its place where.

import type { BackendName } from '../../../src/contract/backend.ts';
import { type TrialSizes, trialSizes } from '../../../src/tensor/speed/trialInputs.ts';
import { tf, WebGPUBackend } from '../../../src/tensor/tf.ts';
import { computesOnCpu } from '../../../src/tensor/webgpu/adapter.ts';
import { makeTrial } from '../../../src/tensor/webgpu/trials.ts';
import { kernelOps } from '../../../src/tensor/webgpu/variantState.ts';
import {
  availableVariants,
  kernelVariants,
  measureKernelVariants,
  useKernelVariants as setVariants,
} from '../../../src/tensor/webgpu/variants.ts';
import type { Bench } from '../bench.ts';
import { pipelined } from '../pipelined.ts';

export const backend: BackendName = 'webgpu';

/** A guided pair at each level of SD-2.1 with 64 x 64 latents. */
const stableDiffusion: readonly TrialSizes[] = [
  { samples: 2, side: 64, channels: 320, heads: 5 },
  { samples: 2, side: 32, channels: 640, heads: 10 },
  { samples: 2, side: 16, channels: 1280, heads: 20 },
  { samples: 2, side: 8, channels: 1280, heads: 20 },
];

export async function run(bench: Bench): Promise<void> {
  const device = tf.backend();
  if (!(device instanceof WebGPUBackend)) return;
  const software = computesOnCpu(device.device.adapterInfo);
  const before = kernelVariants();
  const start = performance.now();
  const chosen = await measureKernelVariants();
  await bench.value('start-up timing', 'all ops', performance.now() - start, 'ms');
  for (const [op, form] of Object.entries(chosen))
    await bench.value('start-up timing', `${op}: ${form}`, 1, '');
  // On a program that plays a GPU the smallest sizes say all there is to say.
  const sizes = software ? trialSizes.slice(0, 1) : [...trialSizes.slice(0, 1), ...stableDiffusion];
  for (const op of kernelOps) {
    for (const size of sizes) {
      const trial = makeTrial(device, op, size);
      const forms = availableVariants(op).map((form): [string, () => Promise<number>] => {
        const time = pipelined(() => {
          for (const output of trial.run()) device.disposeData(output.dataId);
        });
        return [
          form,
          () => {
            setVariants({ ...before, [op]: form });
            return time();
          },
        ];
      });
      const { samples, side, channels } = size;
      const title = `${op}, ${samples} x ${side}x${side} of ${channels}`;
      const times = await bench.compareTimes(title, Object.fromEntries(forms), { repeats: 3, warmUps: 1 });
      for (const [form, ms] of Object.entries(times))
        await bench.value(title, form, (2e-9 * trial.multiplyAdds) / ms, 'TFLOP/s');
      trial.dispose();
    }
  }
  setVariants(before);
}
