/** Images together with every step of their way from noise, for methods that learn from the way. */
import { isStochastic, transitionLogProb } from '../diffusion/transition.ts';
import { StudioError } from '../lib/errors.ts';
import { type Tensor, tf } from '../tensor/tf.ts';
import type { DrawnCandidate, DrawOptions } from './drawJob.ts';
import { drawPool, type PoolTask } from './drawPool.ts';
import type { Session } from './session.ts';
import type { Tuned } from './tuned.ts';

export type Trajectory = {
  readonly candidate: DrawnCandidate;
  readonly text: string;
  /** Where every step began, and the end: one latent more than there are steps (NHWC). */
  readonly latents: readonly Float32Array[];
  /** log p of each step under the model that drew it, per element; null for steps that add no noise. */
  readonly logProb: readonly (number | null)[];
};

/**
 * Draws images and keeps their ways.
 * @throws StudioError `sampler-deterministic` where no step adds noise
 */
export async function drawTrajectories(
  session: Session,
  tuned: Tuned | null,
  tasks: readonly PoolTask[],
  options: Omit<DrawOptions, 'onStep'>,
): Promise<readonly Trajectory[]> {
  const { scheduler } = options;
  const kernels = scheduler.timesteps.map((_, i) => scheduler.kernel?.(i) ?? null);
  if (!kernels.some((kernel) => kernel !== null && isStochastic(kernel))) {
    throw new StudioError(
      'sampler-deterministic',
      'The steps of this sampler add no noise, so they have no probability.',
      {
        where: scheduler.kind,
        remedy: 'Choose DDPM, or DDIM with eta above 0.',
      },
    );
  }
  const texts = new Map(tasks.map(({ prompt, text }) => [prompt, text]));
  const found: Trajectory[] = [];
  let kept: Tensor[] = [];
  let densities: (Tensor | null)[] = [];
  const batches = drawPool(session, tuned, tasks, {
    ...options,
    onStep: ({ i, zt, output, next }) => {
      const kernel = kernels[i] ?? null;
      const rows = zt.shape[0];
      if (i === 0) kept.push(tf.keep(zt.clone()));
      kept.push(tf.keep(next.clone()));
      const known = kernel !== null && isStochastic(kernel);
      densities.push(
        known ? tf.keep(transitionLogProb(new Array(rows).fill(kernel), { zt, output, next })) : null,
      );
    },
  });
  try {
    for await (const drawn of batches) {
      const latents = await Promise.all(kept.map((x) => x.data() as Promise<Float32Array>));
      const logProbs = await Promise.all(densities.map((x) => (x === null ? null : x.data())));
      const size = (latents[0]?.length ?? 0) / drawn.length;
      for (const [n, candidate] of drawn.entries()) {
        found.push({
          candidate,
          text: texts.get(candidate.prompt) as string,
          latents: latents.map((values) => values.slice(n * size, (n + 1) * size)),
          logProb: logProbs.map((values) => (values === null ? null : (values[n] as number))),
        });
      }
      release();
    }
  } finally {
    release();
  }
  return found;

  function release(): void {
    tf.dispose([...kept, ...densities.filter((x) => x !== null)]);
    kept = [];
    densities = [];
  }
}
