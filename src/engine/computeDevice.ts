import type { BackendInfo, WasmPaths } from '../contract/backend.ts';
import type { BackendChoice } from '../contract/spec.ts';
import { StudioError } from '../lib/errors.ts';
import { openBackend } from '../tensor/device.ts';

export type ComputeOptions = {
  readonly wasmPaths: WasmPaths;
  readonly onLost: (error: StudioError) => void;
};

/** A GPU that was lost may need some seconds until the browser offers it again. */
const REOPEN = { tries: 5, waitMs: 2000 } as const;

/** Work on a lost device may fail this long before the browser reports the loss. */
const NEWS_MS = 1000;

/** The backend that is open, and what becomes of its loss. */
export class ComputeDevice {
  readonly #options: ComputeOptions;
  #info: BackendInfo | null = null;
  #choice: BackendChoice | null = null;
  #lost = new AbortController();

  constructor(options: ComputeOptions) {
    this.#options = options;
  }

  /** Null before one is opened and after it was lost. */
  get info(): BackendInfo | null {
    return this.#info;
  }

  /** The last choice; null before any. */
  get choice(): BackendChoice | null {
    return this.#choice;
  }

  /** Fires with the error when the device that is open now is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * @param notGpu why no GPU is to be used whatever the choice; null where one may be
   * @throws StudioError `webgpu-unavailable`, `wasm-unavailable`
   */
  async open(choice: BackendChoice, notGpu: string | null = null): Promise<BackendInfo> {
    const { wasmPaths, onLost } = this.#options;
    const wasLost = this.#lost.signal.aborted && choice !== 'wasm';
    const current = new AbortController();
    this.#lost = current;
    const options = {
      wasmPaths,
      onLost: (error: StudioError) => {
        // Errors of a device that was given up are of no interest.
        if (this.#lost !== current) return;
        this.#info = null;
        current.abort(error);
        onLost(error);
      },
    };
    this.#info =
      notGpu === null
        ? ((wasLost ? await reopen(options) : null) ?? (await openBackend(choice, options)))
        : { ...(await openBackend('wasm', options)), reason: notGpu };
    this.#choice = choice;
    return this.#info;
  }

  /** What is behind an error: the loss that `lost` tells of, or will tell of at once, else the error itself. */
  async causeOf(error: unknown, lost: AbortSignal): Promise<unknown> {
    // What we throw ourselves has another reason.
    if (!lost.aborted && !(error instanceof StudioError) && this.#info?.name === 'webgpu') {
      await new Promise((resolve) => {
        lost.addEventListener('abort', resolve, { once: true });
        setTimeout(resolve, NEWS_MS);
      });
    }
    return lost.aborted ? lost.reason : error;
  }
}

/** Null where the GPU does not come back. Without patience a run would continue on the CPU, or not at all. */
async function reopen(options: Parameters<typeof openBackend>[1]): Promise<BackendInfo | null> {
  for (let tries = 0; tries < REOPEN.tries; tries++) {
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, REOPEN.waitMs));
    const opened = await openBackend('webgpu', options).catch(() => null);
    if (opened !== null) return opened;
  }
  return null;
}

/** The error for what needs a backend or a model before there is one. */
export function notReady(message: string): StudioError {
  return new StudioError('engine-not-ready', message, {
    remedy: 'Wait until the model is loaded, then try again.',
  });
}
