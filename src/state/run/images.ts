/** Decoded images of candidates, held in memory up to a limit and asked for again from the engine when needed. */

import type { PixelImage } from '../../contract/events.ts';
import type { ImageRef } from '../../contract/protocol.ts';
import { reportError, StudioError } from '../../lib/errors.ts';
import { useEngine } from '../page/engine.ts';
import { engineClient } from '../page/engineClient.ts';
import { raiseAlert } from '../page/notices.ts';
import { hasRunModel } from './runModel.ts';
import { useRuns } from './runs.ts';

const MAX_CACHED_BYTES = 192 * 2 ** 20;
const MAX_REFS_PER_REQUEST = 32;

export function imageKey({ runId, round, prompt, candidate }: ImageRef): string {
  return `${runId}/${round}/${prompt}/${candidate}`;
}

/** Least recently shown images leave first. */
export class ImageCache {
  readonly #images = new Map<string, PixelImage>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(key: string): PixelImage | null {
    const image = this.#images.get(key);
    if (image === undefined) return null;
    this.#images.delete(key);
    this.#images.set(key, image);
    return image;
  }

  /** Does not count as use, so it can be called while rendering. */
  peek(key: string): PixelImage | null {
    return this.#images.get(key) ?? null;
  }

  add(key: string, image: PixelImage): void {
    const old = this.#images.get(key);
    if (old !== undefined) this.#bytes -= old.rgba.byteLength;
    this.#images.delete(key);
    this.#images.set(key, image);
    this.#bytes += image.rgba.byteLength;
    for (const [oldest, { rgba }] of this.#images) {
      if (this.#bytes <= this.#maxBytes || oldest === key) break;
      this.#images.delete(oldest);
      this.#bytes -= rgba.byteLength;
    }
  }

  /** Forgets all images whose keys begin so. */
  remove(prefix: string): void {
    for (const [key, { rgba }] of this.#images) {
      if (!key.startsWith(prefix)) continue;
      this.#images.delete(key);
      this.#bytes -= rgba.byteLength;
    }
  }

  /** Bytes of all images held. */
  get bytes(): number {
    return this.#bytes;
  }
}

const cache = new ImageCache(MAX_CACHED_BYTES);
const listeners = new Map<string, Set<() => void>>();
const wanted = new Map<string, ImageRef>();
let flushing = false;

/** Keeps an image and tells those who watch it. */
export function addImage(ref: ImageRef, image: PixelImage): void {
  const key = imageKey(ref);
  cache.add(key, image);
  for (const listener of listeners.get(key) ?? []) listener();
}

/** Lets go of the images of a run that is no more. */
export function forgetImages(runId: string): void {
  cache.remove(`${runId}/`);
}

/** Null where it is not in memory; nothing is asked of the engine. */
export function peekImage(ref: ImageRef): PixelImage | null {
  return cache.peek(imageKey(ref));
}

/** Calls back when the image is there and asks the engine for it if it is not; returns the function that ends it. */
export function watchImage(ref: ImageRef, listener: () => void): () => void {
  const key = imageKey(ref);
  const set = listeners.get(key) ?? new Set();
  listeners.set(key, set.add(listener));
  if (cache.get(key) === null) {
    wanted.set(key, ref);
    void flush();
  }
  return () => {
    set.delete(listener);
    if (set.size > 0) return;
    listeners.delete(key);
    wanted.delete(key);
  };
}

async function flush(): Promise<void> {
  if (flushing) return;
  flushing = true;
  try {
    // Decoding needs the model. Frames that scroll into view meanwhile are asked for together.
    await decoderReady();
    while (wanted.size > 0) {
      const [{ runId }] = [...wanted.values()] as [ImageRef];
      const refs = [...wanted.values()].filter((ref) => ref.runId === runId).slice(0, MAX_REFS_PER_REQUEST);
      for (const ref of refs) wanted.delete(imageKey(ref));
      const images = await engineClient().call('images', { runId, refs });
      images.forEach((image, i) => {
        const ref = refs[i];
        if (ref !== undefined) addImage(ref, image);
      });
    }
  } catch (error) {
    raiseAlert(reportError(error), 'warning');
  } finally {
    flushing = false;
  }
}

/** Resolves once the model of the open run is loaded, or rejects when the engine has failed. */
export function decoderReady(): Promise<void> {
  return new Promise((resolve, reject) => {
    const stops: (() => void)[] = [];
    const check = (): void => {
      const { status, failure } = useEngine.getState();
      if (!hasRunModel() && status !== 'failed') return;
      for (const stop of stops.splice(0)) stop();
      if (status !== 'failed') {
        resolve();
        return;
      }
      reject(
        new StudioError('engine-failed', failure?.message ?? 'The engine failed.', {
          remedy: failure?.remedy ?? 'Reload the page.',
        }),
      );
    };
    stops.push(useEngine.subscribe(check), useRuns.subscribe(check));
    check();
  });
}
