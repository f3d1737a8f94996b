import { afterEach } from 'vitest';
import { type ErrorReport, StudioError } from '../../../src/lib/errors.ts';
import type { Api } from './worker.ts';

type Remote = {
  readonly [N in keyof Api]: (...args: Parameters<Api[N]>) => Promise<Awaited<ReturnType<Api[N]>>>;
};
export type StorageWorker = { readonly call: Remote; end(): void };

const open = new Set<StorageWorker>();

/** A worker with its own locks, ended after the test. */
export function startWorker(): StorageWorker {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  const pending = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  let next = 0;
  worker.onmessage = ({ data }: MessageEvent<{ id: number; value?: unknown; error?: ErrorReport }>) => {
    const { resolve, reject } = pending.get(data.id) ?? {};
    if (data.error) reject?.(new StudioError(data.error.code, data.error.message, data.error));
    else resolve?.(data.value);
  };
  const call = new Proxy({} as Remote, {
    get:
      (_, name) =>
      (...args: unknown[]) =>
        new Promise((resolve, reject) => {
          pending.set(next, { resolve, reject });
          worker.postMessage({ id: next++, name, args });
        }),
  });
  const started = {
    call,
    end: () => {
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
