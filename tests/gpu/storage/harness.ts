import { afterEach } from 'vitest';
import { type ErrorReport, StudioError } from '../../../src/lib/errors.ts';
import { engineLock } from '../../../src/storage/locks.ts';
import type { Api } from './worker.ts';

type Remote = {
  readonly [N in keyof Api]: (...args: Parameters<Api[N]>) => Promise<Awaited<ReturnType<Api[N]>>>;
};
type Answer = { readonly id: number; readonly value?: unknown; readonly error?: ErrorReport };
export type StorageWorker = { readonly call: Remote; end(): void };

const open = new Set<StorageWorker>();

/** A worker with its own locks, ended after the test. */
export function startWorker(): StorageWorker {
  const name = freshName();
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name });
  const gone = new AbortController();
  const pending = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  let next = 0;
  let live: () => void = () => undefined;
  const alive = new Promise<void>((resolve) => {
    live = resolve;
  });
  worker.onmessage = ({ data }: MessageEvent<Answer | 'alive'>) => {
    if (data === 'alive') {
      // As the page does for its engine.
      navigator.locks
        .request(engineLock(name), { signal: gone.signal }, () => undefined)
        .catch(() => undefined);
      live();
      return;
    }
    const { resolve, reject } = pending.get(data.id) ?? {};
    if (data.error) reject?.(new StudioError(data.error.code, data.error.message, data.error));
    else resolve?.(data.value);
  };
  const call = new Proxy({} as Remote, {
    get:
      (_, name) =>
      async (...args: unknown[]) => {
        await alive;
        return new Promise((resolve, reject) => {
          pending.set(next, { resolve, reject });
          worker.postMessage({ id: next++, name, args });
        });
      },
  });
  const started = {
    call,
    end: () => {
      gone.abort();
      worker.terminate();
      open.delete(started);
    },
  };
  open.add(started);
  return started;
}

afterEach(() => {
  for (const worker of open) worker.end();
});

/** A name that no other test uses. */
export function freshName(): string {
  return crypto.randomUUID();
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
}
