/** Whether the loaded model is the one that the open run was made with: another one cannot show or export its images. */
import { type ModelRef, sameRef } from '../../contract/spec.ts';
import { useEngine } from '../page/engine.ts';
import { useRuns } from './runs.ts';

/** True if the engine is ready for the open run, or ready at all where no run is open. */
export function hasRunModel(): boolean {
  const { status, model } = useEngine.getState();
  const { open } = useRuns.getState();
  return status === 'ready' && model !== null && (open === null || sameRef(model.ref, open.spec.model));
}

/** The model that the open run lacks; null while it is there, or on its way. */
export function useMissingRunModel(): ModelRef | null {
  const asked = useRuns((state) => (state.activity === 'idle' ? (state.open?.spec.model ?? null) : null));
  const settled = useEngine((state) => state.status === 'ready' || state.status === 'waiting');
  const loaded = useEngine((state) => state.model?.ref ?? null);
  if (asked === null || !settled || (loaded !== null && sameRef(loaded, asked))) return null;
  return asked;
}
