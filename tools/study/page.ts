// The study's side of the browser: one page holds the model and answers one request at a time.

import { loadAdapter, writeAdapter } from '../../src/adapters/file.ts';
import { openSafetensors } from '../../src/formats/safetensors.ts';
import { urlSource } from '../../src/lib/bytes.ts';
import { urlFolder } from '../../src/models/folder.ts';
import { loadModel } from '../../src/models/load.ts';
import { openSession, type Session } from '../../src/procedures/session.ts';
import { trainedTargets } from '../../src/procedures/trainRound.ts';
import { applyAdapter, type Tuned } from '../../src/procedures/tuned.ts';
import { openBackend } from '../../src/tensor/device.ts';
import { wasmPaths } from '../lib/wasmPaths.ts';
import { draw, look, measure } from './pageDraw.ts';
import { scoreAgain } from './pageMetric.ts';
import { measureSpeed } from './pageSpeed.ts';
import { type AdapterFiles, encodeRendered, train } from './pageTrain.ts';
import { tune } from './pageTune.ts';
import {
  ADAPTER_PATH,
  basePath,
  MODEL_PATH,
  type PageInfo,
  type PageRequest,
  type PageResult,
  type Speed,
} from './protocol.ts';

declare global {
  interface Window {
    studyOpen(): Promise<PageInfo>;
    studySpeed(): Promise<Speed>;
    studyRun(request: PageRequest): Promise<PageResult>;
  }
}

/** The base model that is loaded: the study's own, or another by its digest. */
let base: { readonly digest: string | null; readonly session: Session } | null = null;
let loaded: { readonly name: string; readonly tuned: Tuned } | null = null;

window.studyOpen = async () => {
  const info = await openBackend('wasm', { wasmPaths, onLost: (error) => reportError(error) });
  await open(null);
  return { backend: info.name };
};

window.studySpeed = async () => measureSpeed(await open(null));

window.studyRun = async (request) => {
  const session = await open(request.kind === 'draw' ? (request.base ?? null) : null);
  switch (request.kind) {
    case 'draw':
      return draw(session, await tunedOf(session, request.adapter), request);
    case 'look':
      return look(session, request);
    case 'measure':
      return measure(session, request);
    case 'metric':
      return scoreAgain(session, request);
    case 'real':
      return encodeRendered(session, request);
    case 'train':
      return train(session, request, adapterFiles(session));
    case 'tune':
      return tune(session, request, adapterFiles(session));
    default:
      return request satisfies never;
  }
};

const adapterFiles = (session: Session): AdapterFiles => ({
  open: (name) => openAdapter(session, name),
  write: async (adapter) => writeAdapter(adapter, { made_by: 'npm run study' }),
});

/** The session of a base model; one that was loaded before leaves, as requests for one model follow each other. */
async function open(digest: string | null): Promise<Session> {
  if (base !== null && base.digest === digest) return base.session;
  loaded?.tuned.dispose();
  loaded = null;
  base?.session.model.dispose();
  base = null;
  const address = new URL(digest === null ? MODEL_PATH : basePath(digest), location.href).href;
  base = { digest, session: openSession(await loadModel(urlFolder(address), { format: 'f32' })) };
  return base.session;
}

/** The adapter ready to run; the last one used stays loaded, as requests for one adapter follow each other. */
async function tunedOf(session: Session, name: string | null): Promise<Tuned | null> {
  if (name === null || loaded?.name === name) return name === null ? null : (loaded?.tuned ?? null);
  loaded?.tuned.dispose();
  loaded = null;
  const tuned = await applyAdapter(session, await openAdapter(session, name));
  loaded = { name, tuned };
  return tuned;
}

async function openAdapter(session: Session, name: string): ReturnType<typeof loadAdapter> {
  const source = await urlSource(new URL(ADAPTER_PATH + name, location.href).href);
  return loadAdapter(await openSafetensors(source), trainedTargets(session, true));
}
