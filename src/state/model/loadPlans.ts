/** What goes where before a model is loaded, for drawing and for training, at the settings it would run with. */
import { create } from 'zustand';
import type { LoadPlan, PlanMode, PlanRequest, PlanSettings } from '../../contract/loadPlan.ts';
import type { MethodChoice, MetricChoice, ModelRef, PresetName, Settings } from '../../contract/spec.ts';
import { type ErrorReport, reportError } from '../../lib/errors.ts';
import { engineClient } from '../page/engineClient.ts';

/** Settings and the preset they started from. */
export type PlannedSettings = { readonly base: PresetName; readonly settings: Settings };

type LoadPlansState = {
  /** The model whose plan is shown; null for none. */
  readonly ref: ModelRef | null;
  /** The settings it was planned with. */
  readonly planned: PlannedSettings | null;
  readonly mode: PlanMode;
  readonly plans: Readonly<Record<PlanMode, LoadPlan | null>>;
  readonly busy: boolean;
  readonly failure: ErrorReport | null;
};

const NO_PLANS = { plans: { generate: null, train: null }, failure: null } as const;

export const useLoadPlans = create<LoadPlansState>()(() => ({
  ref: null,
  planned: null,
  mode: 'generate',
  busy: false,
  ...NO_PLANS,
}));

const { setState: set, getState: get } = useLoadPlans;

/** What a run asks for beside its settings. */
type PlanAsked = {
  readonly metrics: readonly MetricChoice[];
  readonly method: MethodChoice | null;
  readonly drawnBy: MethodChoice | null;
};

/** What the engine is asked for the memory of one mode. */
export function planRequest(
  ref: ModelRef,
  settings: Settings,
  mode: PlanMode,
  { metrics, method, drawnBy }: PlanAsked,
): PlanRequest {
  const { sampling, training, adapter } = settings;
  return {
    ...(metrics.length === 0 ? {} : { metrics: metrics.map(({ name }) => name) }),
    ...(method === null ? {} : { method, steps: sampling.steps }),
    ...(drawnBy === null ? {} : { drawnBy }),
    ref,
    size: sampling.size,
    batch: mode === 'generate' ? sampling.batch : training.batch,
    mode,
    rank: adapter.rank,
  };
}

/** What drawing and training need. The trials of both would get in each other's way, so one comes after the other. */
export async function planBoth(
  ref: ModelRef,
  settings: Settings,
  asked: PlanAsked,
): Promise<Readonly<Record<PlanMode, LoadPlan>>> {
  const plan = (mode: PlanMode) => engineClient().call('planLoad', planRequest(ref, settings, mode, asked));
  const generate = await plan('generate');
  return { generate, train: await plan('train') };
}

/** The settings after a proposal is taken: an optimizer step still sees as many images, in more passes. */
export function withProposal(
  settings: Settings,
  { mode, settings: asked }: Pick<LoadPlan, 'mode' | 'settings'>,
  proposed: PlanSettings,
): Settings {
  const { batch, size } = proposed;
  // A model's own size stays unnamed unless it has to change.
  const sampling = size === asked.size ? settings.sampling : { ...settings.sampling, size };
  if (mode === 'generate') return { ...settings, sampling: { ...sampling, batch } };
  const { training } = settings;
  const accumulation = Math.ceil((training.batch * training.accumulation) / batch);
  return { ...settings, sampling, training: { ...training, batch, accumulation } };
}

/** Makes both plans and shows them; those on show stay until the new ones are there. */
export async function showPlans(ref: ModelRef, planned: PlannedSettings, asked: PlanAsked): Promise<void> {
  const another = JSON.stringify(get().ref) !== JSON.stringify(ref);
  set({ ref, planned, busy: true, ...(another ? NO_PLANS : {}) });
  const isCurrent = () => get().planned === planned;
  try {
    const plans = await planBoth(ref, planned.settings, asked);
    if (isCurrent()) set({ plans, failure: null, busy: false });
  } catch (error) {
    if (isCurrent()) set({ ...NO_PLANS, failure: reportError(error), busy: false });
  }
}

export function chooseMode(mode: PlanMode): void {
  set({ mode });
}

export function hidePlans(): void {
  set({ ref: null, planned: null, busy: false, ...NO_PLANS });
}

type MemoryNeeds = Readonly<Record<PlanMode, LoadPlan | null>>;

export const useMemoryNeeds = create<MemoryNeeds>()(() => ({ generate: null, train: null }));

/** The requests that the plans on show answer. */
let answered = '';

/** Plans again if anything that matters has changed. A plan that cannot be made shows nothing: it is only an estimate. */
export async function measureMemory(ref: ModelRef, settings: Settings, asked: PlanAsked): Promise<void> {
  const modes = ['generate', 'train'] as const;
  const key = JSON.stringify(modes.map((mode) => planRequest(ref, settings, mode, asked)));
  if (key === answered) return;
  answered = key;
  const plans = await planBoth(ref, settings, asked).catch(() => null);
  if (answered === key) useMemoryNeeds.setState(plans ?? { generate: null, train: null });
}
