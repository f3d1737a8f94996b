// A worker that lets the power go under the browser's own stores, one case for each seed that it is sent.

import { RealDisk } from './realDisk.ts';
import { type StoreCase, storeCutCase } from './storeCuts.ts';

const scope = self as unknown as DedicatedWorkerGlobalScope;

scope.onmessage = async ({ data: seed }: MessageEvent<number>) => {
  const result: StoreCase = await storeCutCase(seed, await RealDisk.make());
  scope.postMessage(result);
};
