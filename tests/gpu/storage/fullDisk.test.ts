import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshName, setQuota, startWorker } from './harness.ts';

const megabyte = 2 ** 20;

beforeAll(() => setQuota(16 * megabyte));
afterAll(() => setQuota(null));

test('a training state that does not fit leaves the old ones', async () => {
  const { call } = startWorker();
  const id = freshName();
  const old = { step: 1, params: Float32Array.of(1, 2, 3) };
  await call.saveCheckpoint(id, 1, old);
  const large = { step: 2, params: new Float32Array(8 * megabyte).map((_, i) => i) };
  await expect(call.saveCheckpoint(id, 2, large)).rejects.toMatchObject({
    code: 'storage-full',
    remedy: expect.stringContaining('Everything stored so far is kept'),
  });
  const [kept, ...others] = await call.listCheckpoints(id);
  expect([kept?.step, others.length]).toEqual([1, 0]);
  if (kept === undefined) throw new Error('the old state is gone');
  expect(await call.loadCheckpoint(id, kept)).toEqual(old);
  await call.saveCheckpoint(id, 2, { step: 2 });
  expect((await call.listCheckpoints(id)).map(({ step }) => step)).toEqual([2, 1]);
});
