import { type Adapter, adaptsText, disposeAdapter } from '../adapters/adapter.ts';
import {
  adapterProjector,
  adapterWeightNorms,
  disposeWeightNorms,
  type WeightNorms,
} from '../adapters/project.ts';
import type { Denoiser } from '../diffusion/denoise.ts';
import type { Projector } from '../models/hooks.ts';
import { PromptContexts } from './promptContexts.ts';
import type { Session } from './session.ts';

/** An adapter ready to run: its weight norms are computed once, since nothing changes it. Owns the adapter. */
export type Tuned = {
  readonly adapter: Adapter;
  readonly project: Projector;
  dispose(): void;
};

/**
 * Takes the adapter over.
 * @param strength how far every weight goes towards the adapted one, see `adapterProjector`
 */
export async function applyAdapter(session: Session, adapter: Adapter, strength = 1): Promise<Tuned> {
  const releaseText = adaptsText(adapter) ? await session.model.parts.text.hold() : null;
  const norms: WeightNorms = adapterWeightNorms(adapter);
  releaseText?.();
  return {
    adapter,
    project: adapterProjector(adapter, norms, strength),
    dispose: () => {
      disposeWeightNorms(norms);
      disposeAdapter(adapter);
    },
  };
}

/** The adapter as it stands, ready to run; disposing it leaves the adapter to its owner. */
export function borrowAdapter(adapter: Adapter): Tuned {
  const norms = adapterWeightNorms(adapter);
  return { adapter, project: adapterProjector(adapter, norms), dispose: () => disposeWeightNorms(norms) };
}

const textContexts = new WeakMap<Tuned, PromptContexts>();

/** Embeddings of prompts under the adapter: those of the base model unless it adapts the text encoder too. */
export function contextsOf(session: Session, tuned: Tuned | null): PromptContexts {
  if (tuned === null || !adaptsText(tuned.adapter)) return session.contexts;
  const known = textContexts.get(tuned) ?? new PromptContexts(session.model, tuned.project);
  textContexts.set(tuned, known);
  return known;
}

/** The session's network with the adapter on it, or the base model. */
export function denoiserOf(session: Session, tuned: Tuned | null): Denoiser {
  return { unet: session.model.unet, adapter: tuned?.project ?? null };
}
