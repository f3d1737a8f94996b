/** The engine's worker: takes requests, answers each once, streams job events beside them. */
import wasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import type {
  ClientMessage,
  EngineMessage,
  RequestMessage,
  RequestName,
  Requests,
} from '../contract/protocol.ts';
import { reportError, StudioError } from '../lib/errors.ts';
import { engineLock } from '../storage/locks.ts';
import { markStorage } from '../storage/setMark.ts';
import { Engine } from './engine.ts';
import { HANDLERS } from './handlers.ts';
import type { RequestContext } from './requestContext.ts';
import { transferables } from './transfer.ts';
import { Work } from './work.ts';

const wasmPaths = {
  'tfjs-backend-wasm.wasm': wasm,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
};

/** @param startDrawer starts a worker that draws beside this one */
export function serveRequests(scope: DedicatedWorkerGlobalScope, startDrawer: () => Worker): void {
  const aborts = new Map<number, AbortController>();
  const work = new Work();
  const engine = new Engine({
    wasmPaths,
    startDrawer,
    // The build puts the worker's script into assets/ beside the page; the development server keeps its source path.
    pageUrl: new URL(import.meta.env.DEV ? '/' : '..', scope.location.href).href,
    onLost: (error) => work.lose(error),
  });

  function post(message: EngineMessage): void {
    scope.postMessage(message, transferables(message));
  }

  async function answer(message: RequestMessage): Promise<void> {
    const { id } = message;
    const controller = new AbortController();
    aborts.set(id, controller);
    const context: RequestContext = {
      engine,
      work,
      signal: controller.signal,
      progress: (done, total, unit, note) =>
        post({ kind: 'progress', id, done, total, unit, ...(note === undefined ? {} : { note }) }),
      emit: (runId, event) => post({ kind: 'event', runId, event }),
    };
    try {
      post({ kind: 'result', id, value: await handle(message.name, message.args, context) });
    } catch (error) {
      post({ kind: 'error', id, report: reportError(controller.signal.aborted ? canceled(error) : error) });
    } finally {
      aborts.delete(id);
    }
  }

  /** Requests wait until an engine that was ended before this one has let go of the runs it worked on. */
  let predecessorGone: Promise<void> = Promise.resolve();

  /** Free only once this worker is gone, however it went: so the page knows. */
  const life = engineLock(crypto.randomUUID());
  let holdsLife = false;
  let mark: string | null = null;

  /** Not before the lock is held: the page waits for it from then on. */
  function sayAlive(): void {
    if (holdsLife) post({ kind: 'alive', lock: life, mark });
  }

  scope.onmessage = ({ data }: MessageEvent<ClientMessage>) => {
    if (data.name === 'ping') sayAlive();
    else if (data.name === 'abort') aborts.get(data.id)?.abort();
    else if (data.name === 'after') predecessorGone = navigator.locks.request(data.lock, () => undefined);
    else void predecessorGone.then(() => answer(data));
  };

  void navigator.locks.request(life, () => {
    holdsLife = true;
    sayAlive();
    return new Promise(() => undefined);
  });
  // Where there is no storage, whoever needs it says so.
  void markStorage().then(
    (set) => {
      mark = set;
      sayAlive();
    },
    () => undefined,
  );
}

/** The request union and the handler table agree by construction; TypeScript cannot follow the pair. */
function handle(name: RequestName, args: unknown, context: RequestContext): Promise<unknown> {
  const handler = HANDLERS[name] as (
    args: unknown,
    context: RequestContext,
  ) => Promise<Requests[RequestName]['result']>;
  return handler(args, context);
}

function canceled(cause: unknown): StudioError {
  return new StudioError('canceled', 'Stopped.', { remedy: 'Start it again when you like.', cause });
}
