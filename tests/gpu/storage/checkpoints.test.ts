import { expect, test } from 'vitest';
import { freshName, startWorker } from './harness.ts';

test('training states are whole after a crash, however it came', async () => {
  for (const delayMs of [0, 40, 80]) {
    const id = freshName();
    const worker = startWorker();
    const { call } = startWorker();
    worker.call.saveForever(id, 50_000).catch(() => undefined);
    await expect
      .poll(async () => (await call.listCheckpoints(id)).length, { timeout: 60_000 })
      .toBeGreaterThan(1);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    worker.end();
    const stored = await call.listCheckpoints(id);
    const states = await Promise.all(stored.map((checkpoint) => call.loadCheckpoint(id, checkpoint)));
    const intact = stored.filter((_, i) => states[i] !== undefined);
    // The one that was being written may be lost, none of those before.
    expect(intact.length).toBeGreaterThanOrEqual(stored.length - 1);
    for (const [i, { step }] of stored.entries()) {
      if (states[i] !== undefined) expect(states[i]).toEqual({ m: new Float32Array(50_000).fill(step) });
    }
  }
});
