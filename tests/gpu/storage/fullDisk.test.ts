import { expect, test } from 'vitest';
import { freshName, startWorker } from './harness.ts';

test('a training state that does not fit leaves the old ones', async () => {
  const { call } = startWorker();
  const id = freshName();
  const old = { step: 1, params: Float32Array.of(1, 2, 3) };
  await call.saveCheckpoint(id, 1, old);
  await call.fillDisk();
  await expect(call.saveCheckpoint(id, 2, { step: 2, params: new Float32Array(1000) })).rejects.toMatchObject(
    {
      code: 'storage-full',
      remedy: expect.stringContaining('Everything stored so far is kept'),
    },
  );
  await call.emptyDisk();
  const [kept, ...others] = await call.listCheckpoints(id);
  if (kept === undefined) throw new Error('the old state is gone');
  expect([kept.step, others.length]).toEqual([1, 0]);
  expect(await call.loadCheckpoint(id, kept)).toEqual(old);
  await call.saveCheckpoint(id, 2, { step: 2 });
  expect((await call.listCheckpoints(id)).map(({ step }) => step)).toEqual([2, 1]);
});
