import { type Adapter, disposeAdapter } from '../adapters/adapter.ts';
import {
  adapterProjector,
  adapterWeightNorms,
  disposeWeightNorms,
  type WeightNorms,
} from '../adapters/project.ts';
import type { Denoiser } from '../diffusion/denoise.ts';
import type { Projector } from '../models/hooks.ts';
import type { Session } from './session.ts';

/** An adapter ready to run: its weight norms are computed once, since nothing changes it. Owns the adapter. */
export type Tuned = { readonly adapter: Adapter; readonly project: Projector; dispose(): void };

export function applyAdapter(adapter: Adapter): Tuned {
  const norms: WeightNorms = adapterWeightNorms(adapter);
  return {
    adapter,
    project: adapterProjector(adapter, norms),
    dispose: () => {
      disposeWeightNorms(norms);
      disposeAdapter(adapter);
    },
  };
}

/** The session's network with the adapter on it, or the base model. */
export function denoiserOf(session: Session, tuned: Tuned | null): Denoiser {
  return { unet: session.model.unet, adapter: tuned?.project ?? null };
}
