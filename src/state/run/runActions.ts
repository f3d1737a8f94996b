/** What the user can do with runs. Job events reach the stores here. */

import type { JobEvent, StageName } from '../../contract/events.ts';
import type { RunState, RunSummary } from '../../contract/runTypes.ts';
import type { MiTuneSpec } from '../../contract/spec.ts';
import { EngineClient, endedWithEngine } from '../../engine/client.ts';
import { type ErrorReport, reportError, StudioError } from '../../lib/errors.ts';
import { evaluationsOfImage, evaluationsOfStopped } from '../../methods/registry.ts';
import { mayLoad } from '../model/modelChoice.ts';
import { ensureEngine, useEngine } from '../page/engine.ts';
import { engineClient } from '../page/engineClient.ts';
import { followStage, goTo, pageOf, useNavigation } from '../page/navigation.ts';
import { attempt, confirmDone, raiseAlert, withdrawAlert } from '../page/notices.ts';
import { scoringOfImage } from '../setup/forecast.ts';
import { promptTexts, usePrompts } from '../setup/prompts.ts';
import { compareWithRunFile } from '../setup/runFileModel.ts';
import { buildSpec, useSettings } from '../setup/settings.ts';
import { createSpeedMeter } from '../setup/speed.ts';
import { coresOf } from '../setup/timeEstimate.ts';
import { forgetComparison, showComparison } from './compare.ts';
import { CrossCheck } from './crossCheck.ts';
import { openGallery, receiveCandidates, receiveSelection, receiveStopped, useGallery } from './gallery.ts';
import { addImage, forgetImages } from './images.ts';
import { adoptStanding, type OpenRun, reduceRun, useRuns } from './runs.ts';
import { NO_TRAINING, openTraining, reduceTraining, useTraining } from './training.ts';

/** A run that the engine dies of again and again is not worth another try. */
const MAX_ENGINE_DEATHS = 3;

const meter = createSpeedMeter();
/** Candidates that were stopped early since the last that were drawn to the end. */
let stoppedUnmeasured = 0;
let abort: AbortController | null = null;
let check: CrossCheck | null = null;
/** Why work stopped last; withdrawn once work goes on. */
let lastFailure: ErrorReport | null = null;

/** Starts listening to the engine; returns the function that ends it. */
export function listenToRuns(): () => void {
  return engineClient().onEvent((runId, event) => {
    if (runId === useRuns.getState().open?.summary.id) receive(runId, event);
  });
}

/** Reads the list of runs anew, and of those whose records were lost. */
export async function refreshRuns(): Promise<void> {
  const runs = await attempt(() => engineClient().call('listRuns', {}));
  const lost = await attempt(() => engineClient().call('listLost', {}));
  if (runs !== null) useRuns.setState({ runs, lost: lost ?? [] });
}

/** Puts back the records of a run that the browser has lost, from the copy beside its images. */
export async function recoverRun(runId: string): Promise<void> {
  const found = await attempt(() => engineClient().call('recoverRun', { runId }));
  if (found === null) return;
  confirmDone(`${found.name} is back.`);
  await refreshRuns();
}

/** Creates the run that the draft asks for and works on it up to and including the given stage. */
export async function startFromDraft(until: StageName): Promise<void> {
  if (useRuns.getState().activity !== 'idle') return;
  const { fileName, list } = usePrompts.getState();
  const spec = buildSpec(useSettings.getState(), promptTexts(list));
  useRuns.setState({ activity: 'starting' });
  const created = await attempt(() => createRun(spec, fileName.replace(/\.[^.]+$/, '')));
  useRuns.setState({ activity: 'idle' });
  if (created !== true) return;
  goTo('build');
  await workOn(until);
}

async function createRun(spec: MiTuneSpec, name: string): Promise<boolean> {
  if (!(await mayLoad(spec.model, spec)) || !(await ensureEngine(spec.backend, spec.model))) return false;
  await compareWithRunFile();
  const summary = await engineClient().call('createRun', { spec, name });
  return openRun(summary.id);
}

/** Opens a stored run at the stage it is in. */
export async function showRun(run: RunSummary): Promise<void> {
  const alreadyOpen = useRuns.getState().open?.summary.id === run.id;
  if (alreadyOpen || (await openRun(run.id))) goTo(pageOf(run.stage) ?? 'compare');
}

/** Opens a stored run and goes on with it to the end. */
export async function continueRun(runId: string): Promise<void> {
  if (useRuns.getState().activity !== 'idle' || !(await openRun(runId))) return;
  await workOn('done');
}

/** Shows a stored run. @param version of its current round's results; the one in force by default */
export async function openRun(runId: string, version?: number): Promise<boolean> {
  const asked = version === undefined ? { runId } : { runId, version };
  const state = await attempt(() => engineClient().call('runState', asked));
  if (state === null) return false;
  const { summary, spec, heldOut, warnings } = state;
  if (summary.id !== useRuns.getState().open?.summary.id) forgetComparison();
  useRuns.setState({
    open: { summary, spec, heldOut, ...versionsOf(state) },
    stage: summary.stage,
    round: summary.round,
    progress: null,
    warnings,
  });
  openGallery(state);
  openTraining(state);
  void showComparison({ runId, round: summary.round, version: versionsOf(state).version });
  return true;
}

/** The versions of the run's current round, oldest first, and the one that the state shows. */
function versionsOf({ summary, selections, versions }: RunState): Pick<OpenRun, 'versions' | 'version'> {
  const { round } = summary;
  return {
    versions: versions.filter((v) => v.round === round).toSorted((a, b) => a.version - b.version),
    version: selections.find((s) => s.round === round)?.version ?? 0,
  };
}

/** Works on the open run until the stage is complete, the user stops it or something fails. */
export async function workOn(until: StageName): Promise<void> {
  const { open, activity } = useRuns.getState();
  if (open === null || activity !== 'idle') return;
  const runId = open.summary.id;
  // Work goes on with the version in force, whichever was being looked at.
  if (open.versions.length > 1 && !(await openRun(runId))) return;
  abort = new AbortController();
  if (lastFailure !== null) withdrawAlert(lastFailure);
  meter.reset();
  stoppedUnmeasured = 0;
  useRuns.setState({ activity: 'working' });
  useNavigation.setState({ following: true });
  if (open.summary.stage !== 'done') followStage(open.summary.stage);
  try {
    const { backend, model } = open.spec;
    for (let deaths = 0; ; deaths++) {
      if (!(await mayLoad(model, open.spec)) || !(await ensureEngine(backend, model))) return;
      check = checkOf(open);
      const ended = await untilEngineEnds(runId, until, abort.signal);
      if (ended === null) break;
      check?.end();
      if (deaths === MAX_ENGINE_DEATHS || abort.signal.aborted) throw ended;
    }
  } catch (error) {
    lastFailure = reportError(error);
    raiseAlert(lastFailure);
    await readStatus(runId);
  } finally {
    check?.end();
    check = null;
    abort = null;
    useRuns.setState({ activity: 'idle', progress: null });
    await refreshRuns();
  }
}

/** What computes some of a run's candidates again on the other backend. */
function checkOf({ summary, spec }: OpenRun): CrossCheck | null {
  const { backend, model } = useEngine.getState();
  if (backend === null || model === null) return null;
  return new CrossCheck(
    { runId: summary.id, spec, backend: backend.name, model },
    {
      start: () => new EngineClient(),
      now: () => performance.now() / 1000,
      memoryGb: (navigator as Navigator & { readonly deviceMemory?: number }).deviceMemory ?? 0,
      warn: (runId, report) => engineClient().call('keepWarning', { runId, report }),
    },
  );
}

/** Works on a run. @returns the error if the engine died meanwhile, after which the run can go on; else null */
async function untilEngineEnds(
  runId: string,
  until: StageName,
  signal: AbortSignal,
): Promise<StudioError | null> {
  try {
    adoptStanding(runId, await engineClient().call('run', { runId, until }, { signal }));
    return null;
  } catch (error) {
    if (error instanceof StudioError && endedWithEngine(error)) return error;
    throw error;
  }
}

/** Stops after the work at hand, which is kept. */
export async function pauseRun(): Promise<void> {
  if (useRuns.getState().activity !== 'working') return;
  useRuns.setState({ activity: 'pausing' });
  await attempt(() => engineClient().call('pause', {}));
}

/** Stops at once; complete images and checkpoints are kept. */
export function cancelRun(): void {
  if (abort === null) return;
  useRuns.setState({ activity: 'canceling' });
  abort.abort();
}

export async function deleteRun(runId: string): Promise<void> {
  const done = await attempt(() =>
    engineClient()
      .call('deleteRun', { runId })
      .then(() => true),
  );
  if (done !== true) return;
  if (useRuns.getState().open?.summary.id === runId) closeRun();
  forgetImages(runId);
  await refreshRuns();
}

/** Back to no open run. */
export function closeRun(): void {
  useRuns.setState({ open: null, stage: null, progress: null, warnings: [], round: 0 });
  useGallery.setState(useGallery.getInitialState());
  useTraining.setState(NO_TRAINING);
  forgetComparison();
}

async function readStatus(runId: string): Promise<void> {
  const state = await attempt(() => engineClient().call('runState', { runId }));
  if (state !== null) adoptStanding(runId, state.summary);
}

function receive(runId: string, event: JobEvent): void {
  check?.receive(event);
  useRuns.setState((state) => reduceRun(state, event));
  useTraining.setState((state) => reduceTraining(state, event));
  switch (event.type) {
    case 'stage':
      followStage(event.stage);
      return;
    case 'candidates':
      event.images.forEach((image, i) => {
        const record = event.records[i];
        if (record !== undefined) addImage({ runId, ...record }, image);
      });
      receiveCandidates(event.records);
      measure(event.records.length);
      return;
    case 'stopped-early':
      receiveStopped(event.records);
      stoppedUnmeasured += event.records.length;
      return;
    case 'selection':
      receiveSelection(event.round, event.picks);
      return;
    case 'warning':
      raiseAlert(event.report, 'warning');
      return;
    case 'stopped':
      if (event.report !== null) raiseAlert(event.report);
      return;
    default:
  }
}

function measure(candidates: number): void {
  const { open } = useRuns.getState();
  const { model, backend } = useEngine.getState();
  if (open === null || model === null || backend === null) return;
  // Speeds are kept for the model's own image size.
  const pixels = ((open.spec.sampling.size ?? model.imageSize) / model.imageSize) ** 2;
  const { spec } = open;
  const perImage = evaluationsOfImage(spec, spec) + scoringOfImage(spec);
  const drawn = candidates * perImage + stoppedUnmeasured * evaluationsOfStopped(spec, spec);
  stoppedUnmeasured = 0;
  meter.count((drawn * pixels) / coresOf(spec, model, backend), model.name, backend.name);
}
