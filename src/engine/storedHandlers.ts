/** Requests about what is stored, and about fetching models into storage. */
import { StudioError } from '../lib/errors.ts';
import { listAdapters } from '../storage/adapterStore.ts';
import { listImageFolders } from '../storage/imageStore.ts';
import { listModels } from '../storage/modelStore.ts';
import { storageReport } from '../storage/quota.ts';
import type { StoredItem } from '../storage/stored.ts';
import type { RequestName, Requests } from './protocol.ts';
import type { RequestContext } from './requestContext.ts';

type Handler<N extends RequestName> = (
  args: Requests[N]['args'],
  context: RequestContext,
) => Promise<Requests[N]['result']>;

type StoredRequests =
  | 'planDownload'
  | 'downloadModel'
  | 'stored'
  | 'verifyStored'
  | 'deleteStored'
  | 'storage';

const plain = { origin: null, source: null, license: null, usedBy: [], inUse: false };

export const STORED_HANDLERS: { [N in StoredRequests]: Handler<N> } = {
  planDownload: async () => {
    throw missing();
  },
  downloadModel: async () => {
    throw missing();
  },
  stored: async () => {
    const item = (
      kind: StoredItem['kind'],
      {
        id,
        name,
        sizeBytes,
        importedAt,
      }: { id: string; name: string; sizeBytes: number; importedAt: number },
    ): StoredItem => ({
      ...plain,
      kind,
      id,
      name,
      sizeBytes,
      storedBytes: sizeBytes,
      complete: true,
      storedAt: importedAt,
    });
    return {
      models: (await listModels()).map((m) => item('model', m)),
      adapters: (await listAdapters()).map((a) => item('adapter', a)),
      images: (await listImageFolders()).map((i) => item('images', i)),
      leftovers: [],
    };
  },
  verifyStored: async () => {
    throw missing();
  },
  deleteStored: async () => {
    throw missing();
  },
  storage: () => storageReport(),
};

function missing(): StudioError {
  return new StudioError('not-there-yet', 'This page cannot do this yet.', {
    remedy: 'Drop the files here.',
  });
}
