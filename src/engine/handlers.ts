/** What each request does. Handlers get plain data and give plain data; errors are StudioErrors. */
import type { Picked } from '../contract/events.ts';
import type { RequestName, Requests } from '../contract/protocol.ts';
import type { NamedBytes, RunState } from '../contract/runTypes.ts';
import { evaluatedPairs } from '../jobs/evaluatedImages.ts';
import { candidateHashes, exportSet, storedImages } from '../jobs/exports.ts';
import { importScores } from '../jobs/importScores.ts';
import { rankPool, scoresOfRound } from '../jobs/rankPool.ts';
import { rankedRealImages } from '../jobs/realImagesStage.ts';
import { buildReport, buildScores } from '../jobs/report.ts';
import { listLost, listSummaries, loadRunState, summarize } from '../jobs/runState.ts';
import { StudioError } from '../lib/errors.ts';
import { checkEarlyStop } from '../methods/registry.ts';
import { heldOutPrompts, planPrompts } from '../planning/promptPlan.ts';
import { BROWSER } from '../storage/browser.ts';
import { loadComparison } from '../storage/comparisons.ts';
import { completeTokenizer } from '../storage/download/tokenizer.ts';
import { importImageFolder } from '../storage/imageStore.ts';
import { describeModel } from '../storage/inventory.ts';
import { deleteModelFolder, importModelFolder, type ModelImportOptions } from '../storage/modelStore.ts';
import { openRunStore, type RunStore } from '../storage/runStore.ts';
import { createRunRecord, deleteRun, recoverRun, withRunLock } from '../storage/runs.ts';
import { memoryReport } from '../tensor/memory.ts';
import { activeMeter } from '../tensor/webgpu/bufferMeter.ts';
import { launchCounters } from '../tensor/webgpu/encoder.ts';
import {
  exportFile,
  exportForDiffusers,
  importAdapter,
  inspectAdapter,
  mergeToImport,
} from './adapterHandlers.ts';
import { sessionOfRun } from './adapterSources.ts';
import { chooseByHand } from './chooseByHand.ts';
import { compare } from './compare.ts';
import { withoutPlaces } from './fingerprints.ts';
import { reportBackend } from './kernels.ts';
import { measureStoredPool } from './measureStored.ts';
import { probe } from './probe.ts';
import { recheck } from './recheck.ts';
import type { RequestContext } from './requestContext.ts';
import { runOnEngine } from './runOnEngine.ts';
import { STORED_HANDLERS } from './storedHandlers.ts';

type Handler<N extends RequestName> = (
  args: Requests[N]['args'],
  context: RequestContext,
) => Promise<Requests[N]['result']>;
type Handlers = { [N in RequestName]: Handler<N> };

/**
 * For requests that need the model: one that a lost device took is loaded again first, and a loss during the request is
 * reported as such.
 */
function withModel<N extends RequestName>(handler: Handler<N>): Handler<N> {
  return async (args, context) => {
    const { engine, work, signal } = context;
    if (work.runId === null) await engine.revive();
    const { lost } = engine.device;
    try {
      return await handler(args, context);
    } catch (error) {
      throw signal.aborted ? error : await engine.device.causeOf(error, lost);
    }
  };
}

const COUNTED_AT_ONCE = 200;

export const HANDLERS: Handlers = {
  ...STORED_HANDLERS,
  open: ({ backend }, { engine, work }) => {
    work.assertIdle('change the backend');
    return engine.open(backend);
  },
  loadModel: ({ ref }, { engine, work, signal, progress }) => {
    work.assertIdle('change the model');
    return engine.load(ref, (done, total, waitsFor) => progress(done, total, 'bytes', waitsFor), signal);
  },
  planLoad: (request, { engine, work }) => engine.planLoad(request, work.runId === null),
  importModel: async ({ name, files, prediction = null }, { work, signal, progress }) => {
    work.assertIdle('change the model');
    const id = crypto.randomUUID();
    const onProgress = (done: number, total: number): void => progress(done, total, 'bytes');
    try {
      const addTokenizer: ModelImportOptions['addTokenizer'] = (folder, present) =>
        completeTokenizer(folder, present, signal);
      const options = { name, prediction, onProgress, signal, addTokenizer };
      return await describeModel(await importModelFolder(id, [...files], options));
    } catch (error) {
      // A part of a model would only take up room. If this fails too, the reason is what counts.
      await deleteModelFolder(id).catch(() => undefined);
      throw error;
    }
  },
  listRuns: () => listSummaries(BROWSER),
  createRun: async ({ spec, name }) => {
    checkEarlyStop(spec);
    const heldOut = heldOutPrompts(planPrompts(spec));
    return summarize(BROWSER, await createRunRecord(BROWSER, { spec, name, heldOut }));
  },
  listLost: () => listLost(BROWSER),
  recoverRun: async ({ runId }) =>
    summarize(BROWSER, await withRunLock(BROWSER, runId, () => recoverRun(BROWSER, runId))),
  runState: ({ runId, version }) => loadRunState(BROWSER, runId, version),
  modelHashes: async ({ runId }, { engine }) =>
    runId === null ? engine.fingerprints() : withoutPlaces((await stored(runId).load()).weights ?? {}),
  deleteRun: async ({ runId }, { work }) => {
    if (work.runId === runId) throw busy('delete this run');
    await deleteRun(BROWSER, runId);
    return null;
  },
  run: async ({ runId, until }, context) => {
    const head = await runOnEngine(context, runId, until);
    return summarize(BROWSER, head);
  },
  pause: async (_, { work }) => {
    await work.stop();
    return null;
  },
  rank: withModel<'rank'>(async ({ runId, round, score, candidates, keep }, { engine }) => {
    const store = stored(runId);
    const { spec } = await store.load();
    const lease = await store.pools.leaseStored(round);
    if (lease === null) return { scores: [], picks: [] };
    try {
      const scores = scoresOfRound(await store.series.load('scores'), round);
      const request = { ...spec.score, ...score, candidates, keep };
      return rankPool(sessionOfRun(engine, spec).schedule, lease.log, scores, request);
    } finally {
      lease.close();
    }
  }),
  importScores: async ({ runId, round, text, source }, { work, engine }) => {
    if (work.runId === runId) throw busy('add scores');
    const store = stored(runId);
    let state: Promise<RunState> | null = null;
    const hashesOf = async ({ prompt, candidate }: Picked): Promise<readonly string[]> => {
      state ??= loadRunState(BROWSER, runId);
      const { spec } = await state;
      return candidateHashes(sessionOfRun(engine, spec), store, await state, { round, prompt, candidate });
    };
    return withRunLock(BROWSER, runId, () => importScores(store, round, { text, source, hashesOf }));
  },
  measurePool: withModel<'measurePool'>((args, context) => measureStoredPool(args, context)),
  setSelection: async ({ runId, ...selection }, { work }) => {
    if (work.runId === runId) throw busy('change the selection');
    const head = await withRunLock(BROWSER, runId, () => chooseByHand(stored(runId), selection));
    const { updatedAt, status, stage, round, progress } = head;
    return { updatedAt, status, stage, round, progress };
  },
  images: withModel<'images'>(async ({ runId, refs }, { engine }) => {
    const store = stored(runId);
    return storedImages(sessionOfRun(engine, (await store.load()).spec), store, refs);
  }),
  evaluated: withModel<'evaluated'>(async ({ runId, round, version }, { engine }) => {
    const store = stored(runId);
    const session = sessionOfRun(engine, (await store.load()).spec);
    return evaluatedPairs(session, engine.metersOf(session), store, round, version);
  }),
  compare: withModel<'compare'>((request, { engine, work, signal, progress }) => {
    work.assertIdle('compare');
    return compare(engine, request, {
      signal,
      onProgress: (done, total) => progress(done, total, 'images'),
      now: () => performance.now() / 1000,
    });
  }),
  comparison: async (of) => loadComparison(BROWSER.files, of),
  probe: withModel<'probe'>((request, { engine, work, signal, progress }) => {
    work.assertIdle('compute something else');
    return probe(engine, request, { signal, progress });
  }),
  recheck: withModel<'recheck'>((request, { engine, work, signal }) => {
    work.assertIdle('compute something else');
    return recheck(engine, request, signal);
  }),
  keepWarning: async ({ runId, report }, { work, emit }) => {
    const keep = () => stored(runId).warn([report]);
    if (work.runId === runId) {
      // Its job holds the lock, and tells what is new among its warnings by itself.
      await keep();
    } else {
      await withRunLock(BROWSER, runId, keep);
      emit(runId, { type: 'warning', report });
    }
    return null;
  },
  countTokens: async ({ prompts }, { engine }) => {
    const { tokenizer } = engine.session.model;
    const tokens: number[] = [];
    for (const [i, prompt] of prompts.entries()) {
      // Lets other requests in between: a long list takes seconds.
      if (i % COUNTED_AT_ONCE === COUNTED_AT_ONCE - 1) await new Promise((resolve) => setTimeout(resolve));
      const { used, dropped } = tokenizer.encode(prompt);
      tokens.push(used + dropped);
    }
    return tokens;
  },
  usage: async ({ restart }) => {
    const meter = activeMeter();
    const { tensors, liveBytes } = memoryReport();
    const gpu =
      meter === null ? null : { bytes: meter.liveBytes, peakBytes: meter.peakBytes, buffers: meter.count };
    if (restart) meter?.restart();
    return { gpu, tensors, tensorBytes: liveBytes, dispatches: launchCounters.dispatches };
  },
  exportAdapter: withModel<'exportAdapter'>(({ runId, which, version }, context) =>
    exportForDiffusers(runId, which, version, context),
  ),
  exportFile: withModel<'exportFile'>(exportFile),
  inspectAdapter: withModel<'inspectAdapter'>(inspectAdapter),
  mergeAdapters: withModel<'mergeAdapters'>(mergeToImport),
  exportSet: withModel<'exportSet'>(async ({ runId, round, version }, { engine }) => {
    const state = await loadRunState(BROWSER, runId, version);
    return exportSet(sessionOfRun(engine, state.spec), stored(runId), state, round);
  }),
  exportReport: withModel<'exportReport'>(async ({ runId }, { engine }) => {
    const store = stored(runId);
    const { seconds, spec, weights = {} } = await store.load();
    const realImages =
      spec.realImages === null
        ? []
        : await rankedRealImages({ store, spec, session: sessionOfRun(engine, spec) });
    const machine = {
      app: __APP_VERSION__,
      userAgent: navigator.userAgent,
      backend: reportBackend(engine.backend),
      model: engine.model,
      weights,
    };
    const report = buildReport(await loadRunState(BROWSER, runId), seconds, machine, realImages);
    return textFile('report.json', `${JSON.stringify(report, null, 1)}\n`);
  }),
  exportScores: async ({ runId }) => textFile('scores.csv', buildScores(await loadRunState(BROWSER, runId))),
  importAdapter: withModel<'importAdapter'>(importAdapter),
  importImages: ({ name, files }, { signal, progress }) =>
    importImageFolder(crypto.randomUUID(), [...files], {
      name,
      onProgress: (done: number, total: number) => progress(done, total, 'bytes'),
      signal,
    }),
};

function stored(runId: string): RunStore {
  return openRunStore(BROWSER, runId);
}

function textFile(name: string, text: string): NamedBytes {
  return { name, bytes: new TextEncoder().encode(text) };
}

function busy(what: string): StudioError {
  return new StudioError('run-busy', `The run is being worked on; it is not possible to ${what} now.`, {
    remedy: 'Pause it first.',
  });
}
