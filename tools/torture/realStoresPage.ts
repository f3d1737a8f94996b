// The page that the long form of the power cuts under the browser's own stores runs in.

import type { StoreCase } from './storeCuts.ts';

declare global {
  interface Window {
    storeCut?: (seed: number) => Promise<StoreCase>;
  }
}

const worker = new Worker(new URL('./realStores.ts', import.meta.url), { type: 'module' });

window.storeCut = (seed) =>
  new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<StoreCase>) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(seed);
  });
