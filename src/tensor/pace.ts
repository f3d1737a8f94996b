import { submitPending } from './memory.ts';
import { tf, WebGPUBackend } from './tf.ts';

/** Pending while somebody has the device alone. */
let taken: Promise<void> | null = null;

/**
 * Lets messages in and, on webgpu, waits until the GPU has caught up, so that work is not queued far ahead of what
 * can still be paused, and no submission outlives the watchdog. Reads nothing back. Waits as long as other work has the
 * device alone.
 */
export async function settle(): Promise<void> {
  await catchUp();
  while (taken !== null) await taken;
}

/**
 * On webgpu, waits until the GPU has taken what was uploaded, so that no more than that waits in memory; also while somebody
 * has the device alone.
 */
export async function uploadsTaken(): Promise<void> {
  if (tf.backend() instanceof WebGPUBackend) await catchUp();
}

/** Work that yields wherever others may come in between, and returns its result. */
export type Pieces<T> = Generator<void, T>;

/** Does work piece by piece, with a wait after each. */
export async function paced<T>(pieces: Pieces<T>, pace: () => Promise<void>): Promise<T> {
  for (;;) {
    const next = pieces.next();
    if (next.done) return next.value;
    await pace();
  }
}

/** Does all of it at once. */
export function inOnePiece<T>(pieces: Pieces<T>): T {
  for (;;) {
    const next = pieces.next();
    if (next.done) return next.value;
  }
}

/**
 * Runs `work` while everything else waits at its next `settle`, for work whose memory must not add to that of others.
 * It paces itself by the function it is given: `settle` would wait forever.
 */
export async function alone<T>(work: (pace: () => Promise<void>) => Promise<T>): Promise<T> {
  while (taken !== null) await taken;
  let leave = (): void => undefined;
  taken = new Promise((resolve) => {
    leave = resolve;
  });
  try {
    return await work(catchUp);
  } finally {
    taken = null;
    leave();
  }
}

/** True while somebody has the device alone. */
export function isTaken(): boolean {
  return taken !== null;
}

/** Dispatches that tfjs collects before it submits them; 15 by itself. */
const DEFAULT_DISPATCHES = 15;
const DISPATCHES_FLAG = 'WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE';

/**
 * Submits after that many dispatches from now on, so that no submission of large ones outlives the watchdog; null for the
 * default.
 * @returns what it was before
 */
export function limitSubmissions(dispatches: number | null): number {
  const before = tf.env().getNumber(DISPATCHES_FLAG);
  tf.env().set(DISPATCHES_FLAG, dispatches ?? DEFAULT_DISPATCHES);
  return before;
}

async function catchUp(): Promise<void> {
  const backend = tf.backend();
  if (backend instanceof WebGPUBackend) {
    submitPending();
    await backend.device.queue.onSubmittedWorkDone();
    return;
  }
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
