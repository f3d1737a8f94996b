import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkpointBytes, loadCheckpoint, saveCheckpoints } from '../../../src/storage/checkpoints.ts';
import * as kv from '../../../src/storage/kv.ts';
import { freshName, setQuota } from './harness.ts';

const megabyte = 2 ** 20;

beforeAll(() => setQuota(16 * megabyte));
afterAll(() => setQuota(null));

test('checkpoints that do not fit leave the old ones', async () => {
  const id = freshName();
  const old = { step: 1, params: Float32Array.of(1, 2, 3) };
  await saveCheckpoints(kv, id, { last: old, best: old });
  const large = { step: 2, params: new Float32Array(8 * megabyte).map((_, i) => i) };
  await expect(saveCheckpoints(kv, id, { best: { step: 2 }, last: large })).rejects.toMatchObject({
    code: 'storage-full',
    message: expect.stringMatching(/are used, .* are free\./),
    remedy: expect.stringContaining('Everything stored so far is kept'),
  });
  expect(await loadCheckpoint(kv, id, 'last')).toEqual(old);
  expect(await loadCheckpoint(kv, id, 'best')).toEqual(old);
  expect(await checkpointBytes(kv, id)).toBe(24);
  await saveCheckpoints(kv, id, { last: { step: 2 } });
  expect(await loadCheckpoint(kv, id, 'last')).toEqual({ step: 2 });
});
