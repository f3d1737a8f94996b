/** The `probe` request: what the loaded networks make of given numbers, to compare them with other programs. */

import type { NumberBlock, ProbeRequest, ProbeResult, ProbeStep } from '../contract/protocol.ts';
import { type Denoiser, denoise } from '../diffusion/denoise.ts';
import { StudioError } from '../lib/errors.ts';
import type { PromptContexts } from '../procedures/promptContexts.ts';
import type { Session } from '../procedures/session.ts';
import { contextsOf, denoiserOf, type Tuned } from '../procedures/tuned.ts';
import { noiseDifference } from '../tensor/ops/noiseDifference.ts';
import { type Tensor, type Tensor3D, type Tensor4D, tf } from '../tensor/tf.ts';
import { openTuned } from './adapterSources.ts';
import type { Engine } from './engine.ts';
import type { RequestContext } from './requestContext.ts';

const MAX_LATENTS = 64;

/**
 * Runs the networks as a run does: all contexts of a timestep in one call, the squared difference by the kernel that
 * scores candidates.
 * @throws StudioError `probe-invalid` naming the number that does not fit the model
 */
export async function probe(
  engine: Engine,
  request: ProbeRequest,
  context: Pick<RequestContext, 'signal' | 'progress'>,
): Promise<ProbeResult> {
  const { session } = engine;
  checkRequest(session, request);
  const { adapter = null, strength } = request;
  const tuned = adapter === null ? null : (await openTuned(engine, adapter, strength)).tuned;
  try {
    return await runProbe(session, tuned, request, context);
  } finally {
    tuned?.dispose();
  }
}

async function runProbe(
  session: Session,
  tuned: Tuned | null,
  request: ProbeRequest,
  { signal, progress }: Pick<RequestContext, 'signal' | 'progress'>,
): Promise<ProbeResult> {
  const { latents, timesteps } = request;
  const [count = 1] = latents.shape;
  const kept = new Set<Tensor>();
  try {
    const contexts: NumberBlock[] = [];
    const embeddings: Tensor3D[] = [];
    for (const context of request.contexts) {
      const embedding =
        'prompt' in context
          ? await encode(contextsOf(session, tuned), context.prompt, signal)
          : tf.tensor3d(context.values, context.shape as [number, number, number]);
      const rows = embedding.shape[0] === count ? embedding : tf.tile(embedding, [count, 1, 1]);
      kept.add(embedding).add(rows);
      embeddings.push(rows);
      contexts.push('prompt' in context ? await readBlock(embedding) : context);
    }
    const steps: ProbeStep[] = [];
    if (timesteps.length === 0) return { contexts, steps };
    const zt = tf.tidy(() =>
      tf.transpose(
        tf.tensor4d(latents.values, latents.shape as [number, number, number, number]),
        [0, 2, 3, 1],
      ),
    );
    kept.add(zt);
    const release = await session.model.parts.unet.hold({ signal });
    try {
      for (const [i, t] of timesteps.entries()) {
        signal.throwIfAborted();
        steps.push(await evaluate(denoiserOf(session, tuned), zt, t, embeddings));
        progress(i + 1, timesteps.length, 'timesteps');
      }
    } finally {
      release();
    }
    return { contexts, steps };
  } finally {
    for (const tensor of kept) tensor.dispose();
  }
}

/** [1, L, D]; the text encoder comes for it and may leave afterwards. */
async function encode(contexts: PromptContexts, prompt: string, signal: AbortSignal): Promise<Tensor3D> {
  await contexts.prepare([prompt], signal);
  return contexts.rows([prompt]);
}

async function evaluate(
  denoiser: Denoiser,
  zt: Tensor4D,
  t: number,
  contexts: readonly Tensor3D[],
): Promise<ProbeStep> {
  const startedAt = performance.now();
  const noise = denoise(denoiser, zt, t, contexts);
  const parts = tf.tidy(() => tf.split(tf.transpose(noise, [0, 3, 1, 2]), contexts.length, 0));
  const difference = contexts.length === 2 ? noiseDifference(noise, 1) : null;
  try {
    const predictions: NumberBlock[] = [];
    for (const part of parts) predictions.push(await readBlock(part));
    const squared = difference === null ? null : await difference.squaredDifference.data();
    return {
      t,
      predictions,
      squaredDifference: squared === null ? null : Array.from(squared),
      seconds: (performance.now() - startedAt) / 1000,
    };
  } finally {
    for (const part of parts) part.dispose();
    difference?.guided.dispose();
    difference?.squaredDifference.dispose();
    noise.dispose();
  }
}

async function readBlock(tensor: Tensor): Promise<NumberBlock> {
  return { shape: [...tensor.shape], values: (await tensor.data()) as Float32Array };
}

function checkRequest(
  { model, schedule }: Session,
  { latents, contexts, timesteps, strength = 1 }: ProbeRequest,
): void {
  const { inChannels, contextWidth } = model.unet.weights.config;
  const [n = 0, channels, height = 0, width = 0] = latents.shape;
  checkBlock('latents', latents, 4);
  if (channels !== inChannels || n > MAX_LATENTS || height * width === 0) {
    throw invalid(
      'latents',
      `have the shape [${latents.shape}], not [1 to ${MAX_LATENTS}, ${inChannels}, h, w]`,
    );
  }
  if (contexts.length === 0) throw invalid('contexts', 'are missing: give at least one');
  contexts.forEach((context, i) => {
    if ('prompt' in context) return;
    checkBlock(`contexts[${i}]`, context, 3);
    const [rows, tokens, features] = context.shape;
    if ((rows !== 1 && rows !== n) || tokens === 0 || features !== contextWidth) {
      throw invalid(
        `contexts[${i}]`,
        `has the shape [${context.shape}], not [1 or ${n}, tokens, ${contextWidth}]`,
      );
    }
  });
  if (!Number.isFinite(strength)) throw invalid('strength', 'must be a number');
  const last = schedule.alphasBar.length - 1;
  const wrong = timesteps.find((t) => !(t >= 0 && t <= last));
  if (wrong !== undefined) throw invalid('timesteps', `must be from 0 to ${last}, not ${wrong}`);
}

function checkBlock(where: string, { shape, values }: NumberBlock, rank: number): void {
  const count = shape.reduce((product, size) => product * size, 1);
  if (shape.length !== rank || !shape.every((size) => Number.isInteger(size) && size > 0)) {
    throw invalid(where, `must have ${rank} dimensions, not [${shape}]`);
  }
  if (!(values instanceof Float32Array) || values.length !== count) {
    throw invalid(where, `must be a Float32Array of ${count} numbers`);
  }
  if (!values.every(Number.isFinite)) throw invalid(where, 'must be finite numbers');
}

function invalid(where: string, problem: string): StudioError {
  return new StudioError('probe-invalid', `The ${where} ${problem}.`, {
    where,
    remedy: 'Give numbers that fit the loaded model.',
  });
}
