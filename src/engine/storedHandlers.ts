/** Requests about what is stored, and about fetching models into storage. */

import type { RequestName, Requests } from '../contract/protocol.ts';
import { downloadModel, planDownload } from '../storage/download/downloadModel.ts';
import { deleteStored, describeModel, listStored } from '../storage/inventory.ts';
import { importMetricModel } from '../storage/metricStore.ts';
import { setPrediction } from '../storage/modelStore.ts';
import { storageReport } from '../storage/quota.ts';
import { verifyStored } from '../storage/verify.ts';
import type { Engine } from './engine.ts';
import type { RequestContext } from './requestContext.ts';

type Handler<N extends RequestName> = (
  args: Requests[N]['args'],
  context: RequestContext,
) => Promise<Requests[N]['result']>;

type StoredRequests =
  | 'planDownload'
  | 'setPrediction'
  | 'downloadModel'
  | 'importMetric'
  | 'stored'
  | 'verifyStored'
  | 'deleteStored'
  | 'storage';

/** Bytes come in pieces of some 64 KB: more often than this nobody can read. */
const PROGRESS_MS = 100;

export const STORED_HANDLERS: { [N in StoredRequests]: Handler<N> } = {
  planDownload: ({ source, token }, { signal }) => planDownload(source, { token, signal }),
  downloadModel: async ({ source, token }, { signal, progress }) => {
    const tell = atIntervals(progress);
    return describeModel(await downloadModel(source, { token, signal, onProgress: tell }));
  },
  importMetric: async ({ id, files }, { signal, progress }) =>
    describeModel(await importMetricModel(id, files, { signal, onProgress: atIntervals(progress) })),
  stored: (_, { engine }) => listStored({ loaded: loadedModel(engine) }),
  verifyStored: ({ kind, id }, { signal, progress }) =>
    verifyStored(kind, id, { signal, onProgress: atIntervals(progress) }),
  deleteStored: async ({ kind, id }, { engine }) => ({
    freedBytes: await deleteStored(kind, id, { loaded: loadedModel(engine) }),
  }),
  setPrediction: async ({ id, prediction }, { engine, work }) => {
    work.assertIdle('change the model');
    const model = await setPrediction(id, prediction);
    if (loadedModel(engine) === id) engine.unload();
    return describeModel(model);
  },
  storage: () => storageReport(),
};

function loadedModel(engine: Engine): string | null {
  const ref = engine.model?.ref;
  return ref?.kind === 'local' ? ref.id : null;
}

/** Notes and the end are always told. */
function atIntervals(
  progress: RequestContext['progress'],
): (done: number, total: number, note?: string) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (done, total, note) => {
    const now = performance.now();
    if (note === undefined && done < total && now - last < PROGRESS_MS) return;
    last = now;
    progress(done, total, 'bytes', note);
  };
}
