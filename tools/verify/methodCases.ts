// What the cases of inference-time methods share: the network, the sampler, embeddings and latents by name.

import * as v from 'valibot';
import type { SchedulerName } from '../../src/contract/spec.ts';
import { createScheduler } from '../../src/diffusion/createScheduler.ts';
import type { Denoiser } from '../../src/diffusion/denoise.ts';
import type { Scheduler } from '../../src/diffusion/scheduler.ts';
import { parseSchedulerFile, resolveScheduler } from '../../src/diffusion/schedulerConfig.ts';
import type { SafetensorsFile } from '../../src/formats/safetensors.ts';
import { StudioError } from '../../src/lib/errors.ts';
import type { Tensor4D } from '../../src/tensor/tf.ts';
import { loadUnet } from './models.ts';
import type { OracleFiles } from './oracle.ts';
import type { Tolerance } from './report.ts';
import { readImage } from './tensors.ts';

const filesSchema = v.looseObject({ config: v.string(), weights: v.string() });

/** The samplers as the cases name them. */
const KINDS: readonly (readonly [pattern: RegExp, kind: SchedulerName])[] = [
  [/PNDM|PLMS/, 'pndm'],
  [/DDIM/, 'ddim'],
  [/DDPM/, 'ddpm'],
  [/Euler/, 'euler'],
  [/DPMSolver/, 'dpmpp2m'],
];

/** The sampler that a case was run with. */
export function schedulerOf(name: string, config: unknown, steps: number): Scheduler {
  const kind = KINDS.find(([pattern]) => pattern.test(name))?.[1];
  if (kind === undefined) throw new Error(`The sampler "${name}" is not known.`);
  return createScheduler(resolveScheduler(parseSchedulerFile(config), kind), steps);
}

export async function openCase(io: OracleFiles, unet: string, numbers: string) {
  const { model, dispose } = await loadUnet(io, v.parse(filesSchema, io.caseNamed(unet)));
  const denoiser: Denoiser = { unet: model, adapter: null };
  return { denoiser, file: await io.safetensors(numbers), dispose };
}

/** A tolerance that is given as { atol, rtol } under its name. */
export function toleranceNamed(entry: unknown, name: string): Tolerance {
  const schema = v.looseObject({
    tolerance_f32_cpu_or_wasm: v.looseObject({
      [name]: v.object({ atol: v.number(), rtol: v.optional(v.number(), 0) }),
    }),
  });
  const parsed = v.safeParse(schema, entry);
  if (!parsed.success) {
    throw new StudioError(
      'oracle-tolerance-missing',
      `The index gives no usable tolerance "${name}" for this case.`,
      {
        remedy: 'Add it under tolerance_f32_cpu_or_wasm as { atol, rtol }.',
      },
    );
  }
  return parsed.output.tolerance_f32_cpu_or_wasm[name] as Tolerance;
}

/** Reads latents by name, each once; `dispose` frees them. */
export function latentReader(file: SafetensorsFile) {
  const known = new Map<string, Tensor4D>();
  const read = async (name: string): Promise<Tensor4D> => {
    const found = known.get(name) ?? (await readImage(file, name));
    known.set(name, found);
    return found;
  };
  const dispose = (): void => {
    for (const tensor of known.values()) tensor.dispose();
  };
  return { read, dispose };
}
