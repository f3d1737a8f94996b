/** The page's end of the engine worker: requests become promises, job events go to listeners. */
import type { JobEvent } from '../contract/events.ts';
import type {
  ClientMessage,
  EngineMessage,
  RequestMessage,
  RequestName,
  Requests,
} from '../contract/protocol.ts';
import { type ErrorReport, reportError, StudioError } from '../lib/errors.ts';
import { storageCleared } from '../storage/failure.ts';
import { isCleared } from '../storage/mark.ts';
import { transferables } from './transfer.ts';

/** Progress of a request that is not a job. */
export type RequestProgress = {
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly note?: string;
};

type CallOptions = {
  /** Aborting asks the engine to stop; the call settles when the engine has really stopped. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RequestProgress) => void;
};

type Pending = {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: StudioError) => void;
  readonly onProgress: ((progress: RequestProgress) => void) | undefined;
};
type EventListener = (runId: string, event: JobEvent) => void;
type ReportListener = (report: ErrorReport) => void;

/** How often the engine is asked for a sign of life. Counted, not timed: a page that sleeps does not count. */
const PING_MS = 10_000;
/** Unanswered pings after which the user hears of it. One network evaluation of a large model may take minutes on wasm. */
const QUIET_PINGS = 6;
/** Unanswered pings after which the engine is taken for hung and started again. */
const HUNG_PINGS = 60;
/** An engine that dies so often without an answer in between does not come to life any more. */
const MAX_DEATHS = 3;

/** Owns the worker. One instance serves the whole page; `dispose` ends the worker and every open call. */
export class EngineClient {
  #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #eventListeners = new Set<EventListener>();
  readonly #fatalListeners = new Set<ReportListener>();
  readonly #lifeListeners = new Set<ReportListener>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #pingMs: number;
  /** Ends the watch over the worker that lives now. */
  #watch = new AbortController();
  #watched: string | null = null;
  #unanswered = 0;
  #deaths = 0;
  #nextId = 1;
  /** The mark in the storage that the engine works with. */
  #mark: string | null = null;

  constructor({ pingMs = PING_MS }: { readonly pingMs?: number } = {}) {
    this.#pingMs = pingMs;
    this.#worker = this.#start();
    this.#timer = setInterval(() => this.#ping(), this.#pingMs);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
    worker.onmessage = (message: MessageEvent<EngineMessage>) => this.#receive(message.data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message || 'The engine could not be started.');
    };
    worker.onmessageerror = () => this.#fail('The engine sent a message that cannot be read.');
    return worker;
  }

  /**
   * Sends one request. Byte arrays in `args` are transferred: the caller's copy is empty afterwards.
   * Rejects with the `StudioError` the engine reports.
   */
  call<N extends RequestName>(
    name: N,
    args: Requests[N]['args'],
    options: CallOptions = {},
  ): Promise<Requests[N]['result']> {
    const id = this.#nextId++;
    const { signal } = options;
    const abort = () => this.#post({ name: 'abort', id });
    return new Promise<Requests[N]['result']>((resolve, reject) => {
      this.#pending.set(id, {
        resolve: resolve as (value: unknown) => void,
        reject,
        onProgress: options.onProgress,
      });
      this.#post({ id, name, args } as RequestMessage, transferables(args));
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
    }).finally(() => signal?.removeEventListener('abort', abort));
  }

  /** Listens to the events of all runs; returns the function that ends it. */
  onEvent(listener: EventListener): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /** Hears of failures that belong to no request, such as a worker that cannot start. */
  onFatal(listener: ReportListener): () => void {
    this.#fatalListeners.add(listener);
    return () => this.#fatalListeners.delete(listener);
  }

  /** Hears when the engine is quiet for long, and when it died or hung and was started again: nothing is loaded then. */
  onLife(listener: ReportListener): () => void {
    this.#lifeListeners.add(listener);
    return () => this.#lifeListeners.delete(listener);
  }

  dispose(): void {
    clearInterval(this.#timer);
    this.#watch.abort();
    this.#worker.terminate();
    this.#rejectAll({
      code: 'engine-stopped',
      message: 'The engine was stopped.',
      remedy: 'Reload the page.',
    });
    this.#eventListeners.clear();
    this.#fatalListeners.clear();
    this.#lifeListeners.clear();
  }

  #post(message: ClientMessage, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: EngineMessage): void {
    this.#unanswered = 0;
    switch (message.kind) {
      case 'alive':
        this.#watchOver(message.lock);
        this.#mark = message.mark;
        return;
      case 'event':
        for (const listener of this.#eventListeners) listener(message.runId, message.event);
        return;
      case 'progress':
        this.#pending.get(message.id)?.onProgress?.(message);
        return;
      case 'result':
        this.#deaths = 0;
        this.#settle(message.id)?.resolve(message.value);
        return;
      case 'error':
        this.#settle(message.id)?.reject(rebuild(message.report));
        return;
      default:
        message satisfies never;
    }
  }

  /** The lock of a worker that died, by whatever cause, is free. */
  #watchOver(lock: string): void {
    if (this.#watched === lock) return;
    this.#watched = lock;
    const { signal } = this.#watch;
    navigator.locks
      .request(lock, { signal }, () => this.#revive('engine-died', 'The engine ended unexpectedly'))
      .catch(() => undefined); // given up with the worker
  }

  #ping(): void {
    this.#unanswered++;
    this.#post({ name: 'ping' });
    if (this.#unanswered === QUIET_PINGS) {
      const seconds = Math.round((QUIET_PINGS * this.#pingMs) / 1000);
      this.#tellLife({
        code: 'engine-quiet',
        message: `The engine has not answered for ${seconds} seconds.`,
        remedy:
          'A large model may need that long on a processor; otherwise the engine restarts by itself after a while.',
      });
    }
    if (this.#unanswered >= HUNG_PINGS) this.#revive('engine-hung', 'The engine no longer answered');
    else void this.#lookAtStorage().catch(() => undefined);
  }

  /** What is cleared under an engine may block it for good, and what it still holds of it is of no use. */
  async #lookAtStorage(): Promise<void> {
    const mark = this.#mark;
    // The engine may have been started again meanwhile.
    if (mark === null || !(await isCleared(mark)) || mark !== this.#mark) return;
    this.#restart(reportError(storageCleared()), { after: null });
  }

  /** Starts the engine again; open calls fail, and what is stored is kept. */
  #revive(code: string, what: string): void {
    this.#deaths++;
    if (this.#deaths > MAX_DEATHS) {
      clearInterval(this.#timer);
      this.#fail(`${what}, again and again.`);
      return;
    }
    const report: ErrorReport = {
      code,
      message: `${what} and was started again.`,
      remedy: 'Runs go on from what is stored. If it happens again, the machine may be short of memory.',
    };
    this.#restart(report, { after: this.#watched });
  }

  /** @param options `after`: lock of the worker that has to be gone before the new one touches runs */
  #restart(report: ErrorReport, { after }: { readonly after: string | null }): void {
    this.#watch.abort();
    this.#watch = new AbortController();
    this.#worker.terminate();
    this.#unanswered = 0;
    this.#mark = null;
    this.#worker = this.#start();
    if (after !== null) this.#post({ name: 'after', lock: after });
    this.#rejectAll(report);
    this.#tellLife(report);
  }

  #tellLife(report: ErrorReport): void {
    for (const listener of this.#lifeListeners) listener(report);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #fail(message: string): void {
    const report: ErrorReport = {
      code: 'engine-failed',
      message,
      remedy: 'Reload the page and continue the run from the start page; everything complete is stored.',
    };
    this.#rejectAll(report);
    for (const listener of this.#fatalListeners) listener(report);
  }

  #rejectAll(report: ErrorReport): void {
    for (const pending of this.#pending.values()) pending.reject(rebuild(report));
    this.#pending.clear();
  }
}

/** True for calls that ended with the engine: it stands again, with nothing loaded. */
export function endedWithEngine({ code }: Pick<ErrorReport, 'code'>): boolean {
  return code === 'engine-died' || code === 'engine-hung';
}

function rebuild(report: ErrorReport): StudioError {
  const { remedy, where } = report;
  return new StudioError(report.code, report.message, where === undefined ? { remedy } : { remedy, where });
}
