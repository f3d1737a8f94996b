/** What drawing and training need of memory at the settings of the next run, for the forecast. */
import { create } from 'zustand';
import type { LoadPlan, PlanMode } from '../../contract/loadPlan.ts';
import type { ModelRef, Settings } from '../../contract/spec.ts';
import { planBoth, planRequest } from '../model/loadPlans.ts';

type MemoryNeeds = Readonly<Record<PlanMode, LoadPlan | null>>;

export const useMemoryNeeds = create<MemoryNeeds>()(() => ({ generate: null, train: null }));

/** The requests that the plans on show answer. */
let answered = '';

/** Plans again if anything that matters has changed. A plan that cannot be made shows nothing: it is only an estimate. */
export async function measureMemory(ref: ModelRef, settings: Settings): Promise<void> {
  const modes = ['generate', 'train'] as const;
  const key = JSON.stringify(modes.map((mode) => planRequest(ref, settings, mode)));
  if (key === answered) return;
  answered = key;
  const plans = await planBoth(ref, settings).catch(() => null);
  if (answered === key) useMemoryNeeds.setState(plans ?? { generate: null, train: null });
}
