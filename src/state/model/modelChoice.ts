/** The model of the next run: what is loaded on the user's wish also becomes its setting, with settings that suit it. */

import type { LoadPlan } from '../../contract/loadPlan.ts';
import { type ModelRef, type Prediction, type Settings, sameRef } from '../../contract/spec.ts';
import { foreignHost } from '../../lib/webAddress.ts';
import { CATALOG } from '../../sources/catalog.ts';
import {
  correctPrediction as correctStored,
  importModel,
  loadModel,
  type ModelFiles,
  prepareBackend,
  prepareEngine,
  useEngine,
} from '../page/engine.ts';
import { engineClient } from '../page/engineClient.ts';
import { goTo } from '../page/navigation.ts';
import { attempt, confirmDone, raiseAlert } from '../page/notices.ts';
import { SHAPES_MODEL, useSettings } from '../setup/settings.ts';
import {
  hidePlans,
  type PlannedSettings,
  planBoth,
  showPlans,
  useLoadPlans,
  withProposal,
} from './loadPlans.ts';
import { firstPreset, offersPreset } from './modelPresets.ts';
import { modelName } from './modelRows.ts';
import { refreshStored, useStored } from './stored.ts';

/** Models above this are loaded after a look at what they need. */
const PLAN_FROM_BYTES = 300e6;

/** Loads a model, a large one only after its plan has been shown. */
export async function requestModel(ref: ModelRef, sizeBytes: number | null): Promise<void> {
  if (sizeBytes !== null && sizeBytes > PLAN_FROM_BYTES) return planModel(ref);
  return chooseModel(ref, settingsFor(ref));
}

/**
 * Opens the engine with the model of the settings. A large model is not loaded unasked: its plan is shown, and the user
 * loads it. Of another server nothing is asked at all until the user has seen its name: a link may have named it.
 */
export async function prepareModel(): Promise<void> {
  const ref = await settleModel();
  const { backend } = useSettings.getState();
  if (isLight(ref)) {
    await prepareEngine(backend, ref);
    return;
  }
  await prepareBackend(backend);
  if (useEngine.getState().status === 'waiting' && hostOf(ref) === null) await planModel(ref);
}

/** The other server that a model would be read from; null for stored models and those of the page's own server. */
function hostOf(ref: ModelRef): string | null {
  return ref.kind === 'url' ? foreignHost(ref.base, location.href) : null;
}

/** The other server that the next run would contact for its model; null if there is none, or it has been contacted. */
export function useUnaskedHost(): string | null {
  const ref = useSettings((state) => state.model);
  const loaded = useEngine((state) => state.model?.ref ?? null);
  const planned = useLoadPlans((state) => state.ref);
  const asked = [loaded, planned].some((other) => other !== null && sameRef(other, ref));
  return asked ? null : hostOf(ref);
}

function isLight(ref: ModelRef): boolean {
  if (ref.kind === 'url') return CATALOG.some(({ base }) => base === ref.base);
  const item = useStored.getState().list?.models.find(({ id }) => id === ref.id);
  return item !== undefined && item.sizeBytes <= PLAN_FROM_BYTES;
}

/**
 * The model to begin with: the one of the settings, if it is here. An address may name one that was deleted since, or
 * that only the browser it comes from has.
 */
async function settleModel(): Promise<ModelRef> {
  const { model } = useSettings.getState();
  if (model.kind === 'url') return model;
  await refreshStored();
  const { list } = useStored.getState();
  if (list === null || list.models.some((item) => item.id === model.id && item.complete)) return model;
  const name = modelName(model, list) ?? 'The model of these settings';
  raiseAlert(
    {
      code: 'model-not-here',
      message: `${name} is not in this browser; the shapes model has taken its place.`,
      remedy: 'Get it on the model page, or continue with the shapes model.',
    },
    'warning',
  );
  useSettings.setState({ model: SHAPES_MODEL, ...firstPreset(SHAPES_MODEL, null) });
  return SHAPES_MODEL;
}

/** Loads the model of a run that is looked at; the settings of the next run stay as they are unless a plan is taken. */
export async function requestRunModel(ref: ModelRef): Promise<void> {
  if (isLight(ref)) {
    await loadModel(ref);
    return;
  }
  goTo('model');
  await planModel(ref);
}

/**
 * Whether a run may load the large model that waits: yes where its settings fit. Where they do not, the plan is shown,
 * and the user may still load the model there.
 */
export async function mayLoad(ref: ModelRef, settings: Settings): Promise<boolean> {
  if (useEngine.getState().status !== 'waiting') return true;
  const { generate, train } = await planBoth(ref, settings, useSettings.getState());
  if (generate.fits && train.fits) return true;
  goTo('model');
  void planModel(ref);
  raiseAlert(
    {
      code: 'model-does-not-fit',
      message: `${generate.fits ? 'Training' : 'Drawing images'} with this model and these settings needs more memory than there is, so nothing was started.`,
      remedy:
        'The memory plan on this page has settings that fit. Or load the model there anyway, and start again.',
    },
    'warning',
  );
  return false;
}

/** Shows what the model needs, at the settings the next run with it would have. */
export function planModel(ref: ModelRef): Promise<void> {
  return showPlans(ref, settingsFor(ref), useSettings.getState());
}

/** Changes the settings so that they fit, and shows what they need then. */
export async function takeProposal(plan: LoadPlan): Promise<void> {
  const { ref, planned } = useLoadPlans.getState();
  if (ref === null || planned === null || plan.proposal === null) return;
  const changed = { ...planned, settings: withProposal(planned.settings, plan, plan.proposal.settings) };
  if (sameRef(ref, useSettings.getState().model)) useSettings.setState(changed);
  await showPlans(ref, changed, useSettings.getState());
}

/** Loads the model whose plan is shown, with the settings of the plan. */
export async function loadPlanned(): Promise<void> {
  const { ref, planned } = useLoadPlans.getState();
  if (ref === null || planned === null) return;
  hidePlans();
  await chooseModel(ref, planned);
}

/** Takes in a dropped or chosen folder, or a single-file checkpoint. */
export async function chooseModelFiles(
  files: ModelFiles,
  prediction: Prediction | null = null,
): Promise<void> {
  const largest = files.toSorted((a, b) => b.file.size - a.file.size)[0];
  const [folder = 'model', ...below] = (largest?.path ?? '').split('/');
  const name = below.length > 0 ? folder : folder.replace(/\.safetensors$/i, '');
  const stored = await importModel(name, files, prediction);
  await refreshStored();
  if (stored === null) return;
  const ref = { kind: 'local', id: stored.id } as const;
  await requestModel(ref, stored.sizeBytes);
  // What cannot be loaded would only take up room; a large one was not tried yet.
  if (useEngine.getState().failure !== null) {
    await attempt(() => engineClient().call('deleteStored', { kind: 'model', id: stored.id }));
    await refreshStored();
  }
}

/** Corrects what a stored checkpoint predicts, in the one that is loaded too. */
export async function correctPrediction(id: string, prediction: Prediction): Promise<void> {
  await attempt(() => correctStored(id, prediction));
  await refreshStored();
}

async function chooseModel(ref: ModelRef, planned: PlannedSettings): Promise<void> {
  if (await loadModel(ref)) keepChoice(planned);
}

/** Settings that were made for another kind of model, such as the demo's, give way to those made for this one. */
function settingsFor(ref: ModelRef): PlannedSettings {
  const { base, settings } = useSettings.getState();
  const { model } = useEngine.getState();
  return offersPreset(ref, model, base) ? { base, settings } : firstPreset(ref, model);
}

function keepChoice(planned: PlannedSettings): void {
  const { model } = useEngine.getState();
  if (model === null) return;
  const before = useSettings.getState().base;
  // Only the loaded model tells whether it draws shapes.
  const { base, settings } = offersPreset(model.ref, model, planned.base)
    ? planned
    : firstPreset(model.ref, model);
  useSettings.setState({ model: model.ref, base, settings });
  if (before !== base) confirmDone('The settings now start from a preset that suits this model.');
}
