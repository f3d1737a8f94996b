// Power cuts under the browser's own stores: the short form of `npm run torture -- --only real`.

import { afterAll, expect, test } from 'vitest';
import { LAGS } from '../../../tools/torture/losses.ts';
import type { StoreCase } from '../../../tools/torture/storeCuts.ts';

const worker = new Worker(new URL('../../../tools/torture/realStores.ts', import.meta.url), {
  type: 'module',
});
afterAll(() => worker.terminate());

function cut(seed: number): Promise<StoreCase> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<StoreCase>) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(seed);
  });
}

test.each(LAGS.map((lag, i) => [lag, i] as const))(
  'the stores are right or empty, and keep what they acknowledged, with %s behind',
  async (lag, first) => {
    for (let n = 0; n < 2; n++)
      expect(await cut(first + n * LAGS.length)).toMatchObject({ lag, reason: null });
  },
);
