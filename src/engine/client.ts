/** The page's end of the engine worker: requests become promises, job events go to listeners. */
import type { JobEvent } from '../contract/events.ts';
import type {
  ClientMessage,
  EngineMessage,
  RequestMessage,
  RequestName,
  Requests,
} from '../contract/protocol.ts';
import { type ErrorReport, StudioError } from '../lib/errors.ts';
import { transferables } from './transfer.ts';

/** Progress of a request that is not a job. */
export type RequestProgress = {
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly note?: string;
};

export type CallOptions = {
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
type FatalListener = (report: ErrorReport) => void;

/** Owns the worker. One instance serves the whole page; `dispose` ends the worker and every open call. */
export class EngineClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #eventListeners = new Set<EventListener>();
  readonly #fatalListeners = new Set<FatalListener>();
  #nextId = 1;

  constructor() {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
    this.#worker.onmessage = (message: MessageEvent<EngineMessage>) => this.#receive(message.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message || 'The engine could not be started.');
    };
    this.#worker.onmessageerror = () => this.#fail('The engine sent a message that cannot be read.');
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
  onFatal(listener: FatalListener): () => void {
    this.#fatalListeners.add(listener);
    return () => this.#fatalListeners.delete(listener);
  }

  dispose(): void {
    this.#worker.terminate();
    this.#rejectAll({
      code: 'engine-stopped',
      message: 'The engine was stopped.',
      remedy: 'Reload the page.',
    });
    this.#eventListeners.clear();
    this.#fatalListeners.clear();
  }

  #post(message: ClientMessage, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: EngineMessage): void {
    switch (message.kind) {
      case 'event':
        for (const listener of this.#eventListeners) listener(message.runId, message.event);
        return;
      case 'progress':
        this.#pending.get(message.id)?.onProgress?.(message);
        return;
      case 'result':
        this.#settle(message.id)?.resolve(message.value);
        return;
      case 'error':
        this.#settle(message.id)?.reject(rebuild(message.report));
        return;
      default:
        message satisfies never;
    }
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

function rebuild(report: ErrorReport): StudioError {
  const { remedy, where } = report;
  return new StudioError(report.code, report.message, where === undefined ? { remedy } : { remedy, where });
}
