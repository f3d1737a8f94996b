/** How images are drawn: classifier-free guidance, or a method's own rule in its place. */
import { guideAndMeasure } from '../diffusion/guidance.ts';
import type { SampleRequest } from '../diffusion/sample.ts';
import type { Scheduler } from '../diffusion/scheduler.ts';
import type { Tensor3D } from '../tensor/tf.ts';
import type { Session } from './session.ts';
import type { Tuned } from './tuned.ts';

/** Images of one prompt that are about to be drawn together. */
type DrawRequest = {
  readonly session: Session;
  readonly tuned: Tuned | null;
  readonly text: string;
  readonly rows: number;
  /** Embeddings without and with the prompt, each [rows, L, D]; the caller's. */
  readonly contexts: readonly [uncond: Tensor3D, cond: Tensor3D];
  readonly scheduler: Scheduler;
  readonly guidance: number;
  readonly signal?: AbortSignal | undefined;
};

/** What the sampler is handed for these images. `dispose` frees what was prepared. */
export type StepRule = Pick<SampleRequest, 'combine' | 'beforeStep' | 'denoiseOptions'> & {
  dispose(): void;
};

export type DrawRule = {
  /** Most images that may be drawn together: 1 where each goes its own way. */
  readonly rows: number;
  prepare(request: DrawRequest): Promise<StepRule>;
};

/** Guidance alone, with the MI tap. */
export const guidanceRule: DrawRule = {
  rows: Number.POSITIVE_INFINITY,
  prepare: async ({ guidance }) => ({ combine: guideAndMeasure(guidance), dispose: () => undefined }),
};
