/**
 * DPOK (Fan et al. 2023, arXiv 2305.16381; google-research/google-research, folder dpok, 1d49f2c): policy gradients on the
 * sampler's own steps. With guided eps = epsUncond + w (epsCond - epsUncond), r what an image got and V(zt, prompt, i) what
 * a small network expects of it at evaluation i:
 *
 *     L = -c_r mean((r - V) clip(exp(log p(next | zt) - log p_old), 1 -/+ delta)) + c_kl mean((eps - eps_ref)^2)
 *
 * One outer iteration: images are drawn with the model as it stands and join the buffer, V takes a step towards their
 * rewards, then the policy takes several on transitions of the buffer. There is no minimum as in PPO: outside the clip a
 * transition has no policy gradient at all.
 */
import type { Adapter } from '../../adapters/adapter.ts';
import { createScheduler } from '../../diffusion/createScheduler.ts';
import type { GaussianKernel } from '../../diffusion/kernel.ts';
import { squaredDifferenceScale } from '../../diffusion/parametrization.ts';
import type { Scheduler } from '../../diffusion/scheduler.ts';
import { resolveScheduler } from '../../diffusion/schedulerConfig.ts';
import { transitionLogProb } from '../../diffusion/transition.ts';
import { shuffle, uniformInt } from '../../lib/philox.ts';
import type { PoolTask } from '../../procedures/drawPool.ts';
import { drawTrajectories, type Trajectory } from '../../procedures/drawTrajectories.ts';
import type { OwnState, StepSource } from '../../procedures/stepSource.ts';
import { borrowAdapter } from '../../procedures/tuned.ts';
import { settle } from '../../tensor/pace.ts';
import { type Scalar, scope, type Tensor, type Tensor4D, tf } from '../../tensor/tf.ts';
import { denoising } from '../../training/objectives.ts';
import { disposeOptimizer, startOptimizer } from '../../training/optimizer.ts';
import { addGradients, type VisitedBatch } from '../../training/trainStep.ts';
import {
  expectedReward,
  initValueNetwork,
  restoreValue,
  savedValue,
  valueGradients,
  valueStep,
} from '../../training/valueNetwork.ts';
import type { Options } from '../method.ts';
import type { MakeTuning, OnlineRequest } from '../methodCode.ts';
import { rewardAt, rewardDrawn, rewardsMissing, rewardsOf } from './rewards.ts';

/** How the value network learns, as upstream's script sets it. */
const VALUE = { hidden: 256, rate: 1e-4, decay: 0.01, batches: 5, batch: 256 } as const;

/** Philox streams; what is counted within each goes on through the round. */
const PROMPT_STREAM = 0x64000000;
const SEED_STREAM = 0x64800000;
const VALUE_ROW_STREAM = 0x65000000;
const POLICY_ROW_STREAM = 0x66000000;

/** One step of a sampler with what the policy's loss asks of it. */
type PolicyRow = {
  readonly kernel: GaussianKernel;
  readonly t: number;
  /** log p under the model that drew it. */
  readonly logProb: number;
  /** r - V */
  readonly advantage: number;
};

export type PolicyOptions = {
  readonly guidance: number;
  readonly rewardWeight: number;
  readonly klWeight: number;
  readonly ratioClip: number;
  /** Factor from a squared difference of outputs to one of noise, at a timestep. */
  readonly klScale: (t: number) => number;
};

/** The loss of outputs whose rows are all without, then all with the prompt [2N, h, w, c]. */
export function policyLoss(
  rows: readonly PolicyRow[],
  { zt, next }: { readonly zt: Tensor4D; readonly next: Tensor4D },
  { guidance, rewardWeight, klWeight, ratioClip, klScale }: PolicyOptions,
): VisitedBatch['loss'] {
  return ({ prediction, reference }) => {
    const output = guide(prediction, guidance);
    const ratio = ratios(rows, { zt, output, next });
    const clipped = tf.clipByValue(ratio, 1 - ratioClip, 1 + ratioClip);
    const gain = tf.mean(tf.mul(clipped, tf.tensor1d(rows.map(({ advantage }) => advantage))));
    const away = tf.mean(tf.squaredDifference(output, guide(reference as Tensor4D, guidance)), [1, 2, 3]);
    const kl = tf.mean(tf.mul(away, tf.tensor1d(rows.map(({ t }) => klScale(t)))));
    return tf.sub(tf.mul(kl, klWeight), tf.mul(gain, rewardWeight)) as Scalar;
  };
}

/** p(next | zt) over what it was when the image was drawn [N]. */
export function ratios(
  rows: readonly Pick<PolicyRow, 'kernel' | 'logProb'>[],
  transition: { readonly zt: Tensor4D; readonly output: Tensor4D; readonly next: Tensor4D },
): Tensor {
  const logProb = transitionLogProb(
    rows.map(({ kernel }) => kernel),
    transition,
  );
  return tf.exp(tf.sub(logProb, tf.tensor1d(rows.map((row) => row.logProb))));
}

/** epsUncond + w (epsCond - epsUncond) of outputs [2N, h, w, c]. */
export function guide(outputs: Tensor4D, guidance: number): Tensor4D {
  const [uncond, cond] = tf.split(outputs, 2) as [Tensor4D, Tensor4D];
  return tf.add(uncond, tf.mul(tf.sub(cond, uncond), guidance)) as Tensor4D;
}

export const tuning: MakeTuning = (options) => ({
  tuning: { objective: { ...denoising, rows: 2, reference: true } },
  online: (request) => openDpok(options, request),
});

/** An image of the buffer, and one of its steps. */
type Rewarded = Pick<Trajectory, 'latents' | 'logProb'> & {
  readonly prompt: number;
  readonly reward: number;
};
type Row = { readonly image: Rewarded; readonly i: number };
type Place = {
  readonly prompt: number;
  readonly text: string;
  readonly candidate: number;
  readonly seed: number;
};
type Numbers = Readonly<
  Record<'rewardWeight' | 'klWeight' | 'ratioClip' | 'samples' | 'kept' | 'policySteps', number>
>;

async function openDpok(options: Options, request: OnlineRequest): Promise<StepSource> {
  const { session, spec, guidance, seed, signal, from } = request;
  const { samples, kept, policySteps, ...weights } = options as Numbers;
  const reward = options.reward as string;
  // A file's scores are those of the pool's images, so these are drawn again, as they were.
  const known = reward === 'file' ? rewardsOf(reward, request.pool) : null;
  const scheduler = known === null ? stochasticScheduler(request) : request.score.scheduler;
  const kernels = scheduler.timesteps.map((_, i) => scheduler.kernel?.(i) ?? null);
  const features = await textFeatures(request);
  const [h, w, c] = session.latentShape;
  const width = features.values().next().value?.length ?? 0;
  const size = { features: h * w * c + width, hidden: VALUE.hidden, steps: kernels.length };
  let buffer = from === null ? [] : restoreBuffer(from, kernels.length);
  let value = from === null ? startOptimizer(initValueNetwork(size, seed)) : restoreValue(from, size);
  /** Images at once, also when drawing: the adapter's moments and the value network lie beside it. */
  const fitting = Math.max(1, Math.floor(session.policy.trainRows / 2));
  const klScale = (t: number): number => squaredDifferenceScale(session.schedule, session.prediction, t);

  /** The images of an outer iteration with their rewards. */
  async function draw(outer: number, adapter: Adapter): Promise<readonly Rewarded[]> {
    const numbers = Array.from({ length: samples }, (_, j) => outer * samples + j);
    const tuned = known === null ? borrowAdapter(adapter) : await request.poolModel();
    try {
      const places = known === null ? numbers.map(freshPlace) : [...new Set(numbers.map(scoredPlace))];
      const drawn = await drawTrajectories(session, tuned, tasksOf(places), {
        scheduler,
        guidance,
        batch: Math.min(spec.sampling.batch, fitting),
        signal,
      });
      const rewards =
        known === null
          ? await rewardDrawn(reward, drawn, { ...request, tuned, scheduler })
          : drawn.map(({ candidate }) => rewardAt(known, candidate));
      return drawn.flatMap(({ candidate, latents, logProb }, n) => {
        const got = rewards[n] ?? null;
        return got === null ? [] : [{ prompt: candidate.prompt, reward: Math.fround(got), latents, logProb }];
      });
    } finally {
      tuned?.dispose();
    }
  }

  function freshPlace(n: number): Place {
    const place = inTurn(request.prompts, n, seed);
    return { ...place, candidate: n, seed: uniformInt(seed, SEED_STREAM, n, 2 ** 32) };
  }

  function scoredPlace(n: number): Place {
    const scored = request.pool.filter((candidate) => (known?.get(candidate) ?? null) !== null);
    if (scored.length === 0) throw rewardsMissing(reward);
    return inTurn(scored, n, seed);
  }

  /** Rows of the buffer without replacement, fewer where it has fewer. */
  function pickRows(stream: number, count: number): readonly Row[] {
    const all = buffer.flatMap((image) =>
      image.logProb.flatMap((logProb, i) => (logProb === null ? [] : [{ image, i }])),
    );
    const order = shuffle(seed, stream, all.length).slice(0, count);
    return order.map((k) => all[k] as Row);
  }

  function tensorsOf(rows: readonly Row[]) {
    const stacked = (offset: number): Tensor4D =>
      tf.stack(
        rows.map(({ image, i }) => tf.tensor3d(image.latents[i + offset] as Float32Array, [h, w, c])),
      ) as Tensor4D;
    const text = rows.map(({ image }) => [...(features.get(image.prompt) as Float32Array)]);
    return scope(() => ({ zt: stacked(0), next: stacked(1), text: tf.tensor2d(text) }));
  }

  /** One step of the value network on the mean of several batches. */
  async function learnValue(outer: number): Promise<void> {
    let sums: readonly Tensor[] | null = null;
    for (let b = 0; b < VALUE.batches; b++) {
      const rows = pickRows(VALUE_ROW_STREAM + outer * VALUE.batches + b, VALUE.batch);
      const { zt, next, text } = tensorsOf(rows);
      const input = { zt, text, steps: rows.map(({ i }) => i) };
      const { loss, gradients } = valueGradients(
        value.params,
        input,
        rows.map(({ image }) => image.reward),
      );
      sums = addGradients(sums, gradients);
      tf.dispose([zt, next, text, loss]);
      await settle();
    }
    const learned = valueStep(value, sums ?? [], VALUE);
    tf.dispose([...(sums ?? [])]);
    disposeOptimizer(value);
    value = learned;
  }

  async function* policyBatches(step: number): AsyncGenerator<VisitedBatch> {
    const { batch, accumulation } = spec.training;
    for (let a = 0; a < accumulation; a++) {
      const all = pickRows(POLICY_ROW_STREAM + step * accumulation + a, batch);
      for (let start = 0; start < all.length; start += fitting) {
        signal.throwIfAborted();
        const rows = all.slice(start, start + fitting);
        const made = await policyBatch(rows);
        try {
          yield { ...made.batch, share: rows.length / all.length };
        } finally {
          made.dispose();
        }
      }
    }
  }

  async function policyBatch(rows: readonly Row[]) {
    const { zt, next, text } = tensorsOf(rows);
    const expected = expectedReward(value.params, { zt, text, steps: rows.map(({ i }) => i) });
    const values = await expected.data();
    const t = rows.map(({ i }) => scheduler.timesteps[i] as number);
    const policyRows = rows.map(({ image, i }, n) => ({
      kernel: kernels[i] as GaussianKernel,
      t: t[n] as number,
      logProb: image.logProb[i] as number,
      advantage: image.reward - (values[n] as number),
    }));
    const loss = policyLoss(policyRows, { zt, next }, { ...weights, guidance, klScale });
    const texts = [...rows.map(() => ''), ...rows.map(({ image }) => spec.prompts[image.prompt] as string)];
    const context = spec.adapter.textEncoder ? null : await session.contexts.rows(texts);
    const tokens = texts.map((line) => session.model.tokenizer.encode(line).ids);
    const twice = tf.concat([zt, zt]);
    const dispose = (): void => {
      tf.dispose([zt, next, text, expected, twice]);
      context?.dispose();
    };
    return { batch: { zt: twice, loss, t: [...t, ...t], tokens, context }, dispose };
  }

  return {
    async *batches(step, adapter) {
      if (step % policySteps === 0) {
        const outer = step / policySteps;
        buffer = [...buffer, ...(await draw(outer, adapter))].slice(-kept);
        if (buffer.length === 0) throw rewardsMissing(reward);
        await learnValue(outer);
      }
      yield* policyBatches(step);
    },
    save: async () => ({ ...savedBuffer(buffer), ...(await savedValue(value)) }),
    dispose: () => disposeOptimizer(value),
  };
}

/** The run's sampler where its steps add noise, else DDIM with eta 1 as upstream. */
function stochasticScheduler({ session, spec, score }: OnlineRequest): Scheduler {
  const { scheduler } = score;
  if (scheduler.kind === 'ddpm' || (scheduler.kind === 'ddim' && scheduler.config.eta > 0)) return scheduler;
  return createScheduler(resolveScheduler(session.schedulerFile, 'ddim', { eta: 1 }), spec.sampling.steps);
}

/** The n-th of a list that is gone through in a new order every time. */
function inTurn<T>(list: readonly T[], n: number, seed: number): T {
  const order = shuffle(seed, PROMPT_STREAM + Math.floor(n / list.length), list.length);
  return list[order[n % list.length] as number] as T;
}

/** Those of one prompt together. */
function tasksOf(places: readonly Place[]): readonly PoolTask[] {
  return [...new Set(places.map(({ prompt }) => prompt))].map((prompt) => {
    const candidates = places.filter((place) => place.prompt === prompt);
    return { prompt, text: (candidates[0] as Place).text, candidates };
  });
}

/** The base model's text features at the end token of each prompt, by prompt. */
async function textFeatures({
  session,
  prompts,
  signal,
}: OnlineRequest): Promise<ReadonlyMap<number, Float32Array>> {
  const { tokenizer } = session.model;
  await session.contexts.prepare(
    prompts.map(({ text }) => text),
    signal,
  );
  const found = new Map<number, Float32Array>();
  for (const { prompt, text } of prompts) {
    const context = await session.contexts.rows([text]);
    const [, length, width] = context.shape;
    const values = (await context.data()) as Float32Array;
    context.dispose();
    const end = Math.min(tokenizer.encode(text).used + 1, length - 1);
    found.set(prompt, values.slice(end * width, (end + 1) * width));
  }
  return found;
}

function savedBuffer(buffer: readonly Rewarded[]): OwnState {
  const size = buffer[0]?.latents[0]?.length ?? 0;
  const all = buffer.flatMap(({ latents }) => latents);
  const latents = new Float32Array(all.length * size);
  for (const [k, values] of all.entries()) latents.set(values, k * size);
  return {
    latents,
    // Steps without a probability are kept as "not a number".
    logProb: Float32Array.from(buffer.flatMap(({ logProb }) => logProb.map((x) => x ?? Number.NaN))),
    prompt: Float32Array.from(buffer, ({ prompt }) => prompt),
    reward: Float32Array.from(buffer, ({ reward }) => reward),
  };
}

function restoreBuffer(own: OwnState, steps: number): readonly Rewarded[] {
  const { latents, logProb, prompt, reward } = own as Record<
    'latents' | 'logProb' | 'prompt' | 'reward',
    Float32Array
  >;
  const size = latents.length / (prompt.length * (steps + 1));
  return Array.from(prompt, (at, k) => ({
    prompt: at,
    reward: reward[k] as number,
    latents: Array.from({ length: steps + 1 }, (_, i) => {
      const start = (k * (steps + 1) + i) * size;
      return latents.slice(start, start + size);
    }),
    logProb: [...logProb.slice(k * steps, (k + 1) * steps)].map((x) => (Number.isNaN(x) ? null : x)),
  }));
}
