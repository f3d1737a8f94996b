import { type ComputePolicy, EVERYTHING_FITS } from '../contract/policy.ts';
import type { Prediction, SchedulerName } from '../contract/spec.ts';
import { createScheduler } from '../diffusion/createScheduler.ts';
import type { LatentShape } from '../diffusion/latentNoise.ts';
import { createSchedule, type NoiseSchedule } from '../diffusion/schedule.ts';
import type { Scheduler } from '../diffusion/scheduler.ts';
import { parseSchedulerFile, resolveScheduler, type SchedulerFile } from '../diffusion/schedulerConfig.ts';
import { StudioError } from '../lib/errors.ts';
import type { Projector } from '../models/hooks.ts';
import type { DiffusionModel } from '../models/load.ts';
import { encodeText } from '../models/text/run.ts';
import { type Tensor3D, tf } from '../tensor/tf.ts';
import { PromptContexts } from './promptContexts.ts';

/** A loaded model with what its scheduler file says: the ground every method stands on. */
export type Session = {
  readonly model: DiffusionModel;
  readonly schedulerFile: SchedulerFile;
  readonly schedule: NoiseSchedule;
  readonly prediction: Prediction;
  /** One latent at the model's own resolution. */
  readonly latentShape: LatentShape;
  /** How it is run in the memory there is. */
  readonly policy: ComputePolicy;
  /** Embeddings of prompts under the base model. */
  readonly contexts: PromptContexts;
};

/** @throws StudioError `scheduler-config-*` where the scheduler file asks for something that is not implemented */
export function openSession(model: DiffusionModel, policy: ComputePolicy = EVERYTHING_FITS): Session {
  const schedulerFile = parseSchedulerFile(model.schedulerConfig, 'scheduler/scheduler_config.json');
  const config = resolveScheduler(schedulerFile, 'ddpm');
  const { sampleSize, inChannels } = model.unet.weights.config;
  return {
    model,
    schedulerFile,
    schedule: createSchedule(config),
    prediction: config.prediction,
    latentShape: [sampleSize, sampleSize, inChannels],
    policy,
    contexts: new PromptContexts(model),
  };
}

/**
 * The same model at another image size in pixels; null is its own.
 * @throws StudioError `image-size-invalid` where latents would not be of a whole size
 */
export function resizeSession(session: Session, size: number | null): Session {
  if (size === null) return session;
  const { factor } = session.model.vae.config;
  if (!Number.isInteger(size / factor) || size <= 0) {
    throw new StudioError('image-size-invalid', `This model cannot draw images of ${size} pixels.`, {
      where: 'sampling.size',
      remedy: `Choose a multiple of ${factor}, or the model’s own size.`,
    });
  }
  const [, , channels] = session.latentShape;
  return { ...session, latentShape: [size / factor, size / factor, channels] };
}

/** The sampler of that name with the model's noise schedule. */
export function sessionScheduler(session: Session, kind: SchedulerName, steps: number): Scheduler {
  return createScheduler(resolveScheduler(session.schedulerFile, kind), steps);
}

/** Text embeddings of one prompt [1, L, D], made now with the text encoder that has to be loaded; the caller disposes. */
export function embedPrompt(session: Session, text: string, project?: Projector): Tensor3D {
  const { ids } = session.model.tokenizer.encode(text);
  return encodeText(session.model.text, [ids], { output: 'last', project });
}

/** Repeats an embedding [1, L, D] to [count, L, D]; consumes it. */
export function repeatRows(embedding: Tensor3D, count: number): Tensor3D {
  if (count === 1) return embedding;
  const repeated = tf.tile(embedding, [count, 1, 1]);
  embedding.dispose();
  return repeated;
}
