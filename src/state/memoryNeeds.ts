/** What drawing and training need of memory at the settings of the next run, for the forecast. */
import { create } from 'zustand';
import type { LoadPlan, PlanMode } from '../jobs/loadPlan.ts';
import type { ModelRef, Settings } from '../jobs/spec.ts';
import { engineClient } from './engineClient.ts';
import { planRequest } from './loadPlans.ts';

type MemoryNeeds = Readonly<Record<PlanMode, LoadPlan | null>>;

export const useMemoryNeeds = create<MemoryNeeds>()(() => ({ generate: null, train: null }));

/** The requests that the plans on show answer. */
let answered = '';

/** Plans again if anything that matters has changed. A plan that cannot be made shows nothing: it is only an estimate. */
export async function measureMemory(ref: ModelRef, settings: Settings): Promise<void> {
  const requests = [planRequest(ref, settings, 'generate'), planRequest(ref, settings, 'train')] as const;
  const key = JSON.stringify(requests);
  if (key === answered) return;
  answered = key;
  const plans = await Promise.all(requests.map((request) => engineClient().call('planLoad', request))).catch(
    () => null,
  );
  const [generate = null, train = null] = plans ?? [];
  if (answered === key) useMemoryNeeds.setState({ generate, train });
}
