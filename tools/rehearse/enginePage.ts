// The page that a rehearsal drives, and its engine.

import type { Page } from 'playwright';
import type { RequestName, Requests } from '../../src/contract/protocol.ts';
import type { RequestProgress } from '../../src/engine/client.ts';
import type {} from '../../src/state/page/engineClient.ts';

/** Sends a request to the engine of the page, as the page itself does. */
export async function callEngine<N extends RequestName>(
  page: Page,
  name: N,
  args: Requests[N]['args'],
  onProgress?: (progress: RequestProgress) => void,
): Promise<Requests[N]['result']> {
  const listener = `progress${Math.random().toString(36).slice(2)}`;
  if (onProgress !== undefined) await page.exposeFunction(listener, onProgress);
  const answer = await page.evaluate(send, {
    name,
    args: pack(args),
    listener: onProgress === undefined ? null : listener,
  });
  if ('error' in answer) throw Object.assign(new Error(answer.error.message), answer.error);
  return unpack(answer.value) as Requests[N]['result'];
}

type Answer =
  | { readonly value: unknown }
  | { readonly error: { message: string; code: string; remedy: string } };

/**
 * Runs in the page. Typed arrays cross as text: base64 of their bytes, which is quick for megabytes as lists of numbers
 * are not.
 */
async function send({
  name,
  args,
  listener,
}: {
  name: string;
  args: unknown;
  listener: string | null;
}): Promise<Answer> {
  const engine = window.miTune;
  if (engine === undefined) throw new Error('The page has no engine.');
  const tell =
    listener === null ? null : (window as unknown as Record<string, (p: unknown) => void>)[listener];
  let toldAt = 0;
  const decode = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if ('base64' in value && typeof value.base64 === 'string') {
      const bytes = Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0));
      return 'float' in value && value.float === true ? new Float32Array(bytes.buffer) : bytes;
    }
    if (Array.isArray(value)) return value.map(decode);
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, decode(entry)]));
  };
  const encode = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      let binary = '';
      for (let at = 0; at < bytes.length; at += 8192)
        binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
      return { base64: btoa(binary), float: value instanceof Float32Array };
    }
    if (Array.isArray(value)) return value.map(encode);
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, encode(entry)]));
  };
  try {
    const value = await engine.call(name as 'stored', decode(args) as Record<never, never>, {
      onProgress: (progress) => {
        if (performance.now() - toldAt < 5000 && progress.done < progress.total) return;
        toldAt = performance.now();
        tell?.(progress);
      },
    });
    return { value: encode(value) };
  } catch (error) {
    const { message, code, remedy } = error as { message: string; code: string; remedy: string };
    return { error: { message, code, remedy } };
  }
}

function pack(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Float32Array || value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { base64: bytes.toString('base64'), float: value instanceof Float32Array };
  }
  if (Array.isArray(value)) return value.map(pack);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, pack(entry)]));
}

function unpack(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('base64' in value && typeof value.base64 === 'string') {
    const bytes = new Uint8Array(Buffer.from(value.base64, 'base64'));
    return 'float' in value && value.float === true ? new Float32Array(bytes.buffer) : bytes;
  }
  if (Array.isArray(value)) return value.map(unpack);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, unpack(entry)]));
}
