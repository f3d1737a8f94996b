import { StudioError } from '../lib/errors.ts';

type Current = {
  readonly runId: string;
  readonly controller: AbortController;
  readonly finished: Promise<unknown>;
};

/** The job in work, if any. Networks run one thing at a time: a second one would only slow both. */
export class Work {
  #current: Current | null = null;
  #device = new AbortController();

  get runId(): string | null {
    return this.#current?.runId ?? null;
  }

  /** @throws StudioError `engine-busy` while a job runs */
  assertIdle(what: string): void {
    if (this.#current === null) return;
    throw new StudioError('engine-busy', `A run is being worked on; it is not possible to ${what} now.`, {
      remedy: 'Pause the run, or wait until it is done.',
    });
  }

  async start<T>(runId: string, outer: AbortSignal, job: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.assertIdle('start another');
    const controller = new AbortController();
    const finished = job(AbortSignal.any([controller.signal, outer]));
    this.#current = { runId, controller, finished };
    try {
      return await finished;
    } finally {
      this.#current = null;
    }
  }

  /** Stops the job and waits until it has stored what it has. */
  async stop(): Promise<void> {
    const current = this.#current;
    if (current === null) return;
    current.controller.abort();
    await current.finished.catch(() => undefined);
  }

  /** A signal that fires when the device is lost from now on. */
  watchDevice(): AbortSignal {
    this.#device = new AbortController();
    return this.#device.signal;
  }

  lose(error: StudioError): void {
    this.#device.abort(error);
  }
}
