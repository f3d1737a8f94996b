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
import { draw, measure } from './pageDraw.ts';
import { measureSpeed } from './pageSpeed.ts';
import { type AdapterFiles, encodeRendered, train } from './pageTrain.ts';
import { tune } from './pageTune.ts';
import {
  ADAPTER_PATH,
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

let session: Session | null = null;
let loaded: { readonly name: string; readonly tuned: Tuned } | null = null;

window.studyOpen = async () => {
  const info = await openBackend('wasm', { wasmPaths, onLost: (error) => reportError(error) });
  const address = new URL(MODEL_PATH, location.href).href;
  session = openSession(await loadModel(urlFolder(address), { format: 'f32' }));
  return { backend: info.name };
};

window.studySpeed = () => measureSpeed(opened());

window.studyRun = async (request) => {
  switch (request.kind) {
    case 'draw':
      return draw(opened(), await tunedOf(request.adapter), request);
    case 'measure':
      return measure(opened(), request);
    case 'real':
      return encodeRendered(opened(), request);
    case 'train':
      return train(opened(), request, adapterFiles);
    case 'tune':
      return tune(opened(), request, adapterFiles);
    default:
      return request satisfies never;
  }
};

const adapterFiles: AdapterFiles = {
  open: openAdapter,
  write: async (adapter) => writeAdapter(adapter, { made_by: 'npm run study' }),
};

function opened(): Session {
  if (session === null) throw new Error('studyOpen has not been called.');
  return session;
}

/** The adapter ready to run; the last one used stays loaded, as requests for one adapter follow each other. */
async function tunedOf(name: string | null): Promise<Tuned | null> {
  if (name === null || loaded?.name === name) return name === null ? null : (loaded?.tuned ?? null);
  loaded?.tuned.dispose();
  loaded = null;
  const tuned = await applyAdapter(opened(), await openAdapter(name));
  loaded = { name, tuned };
  return tuned;
}

async function openAdapter(name: string): ReturnType<typeof loadAdapter> {
  const source = await urlSource(new URL(ADAPTER_PATH + name, location.href).href);
  return loadAdapter(await openSafetensors(source), trainedTargets(opened(), true));
}
