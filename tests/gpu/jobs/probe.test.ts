// Questions of scripts to a loaded model: consistent with each other and with a run, and refused where they do not fit.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NumberBlock } from '../../../src/contract/protocol.ts';
import { normals } from '../../../src/lib/philox.ts';
import { openStudio, type Studio } from './studio.ts';

let studio: Studio;
beforeAll(async () => {
  studio = await openStudio('wasm');
});
afterAll(() => studio.dispose());

function block(shape: readonly number[], stream: number): NumberBlock {
  const count = shape.reduce((product, size) => product * size, 1);
  return { shape, values: normals(5, stream, 0, count) };
}

test('a batch, its samples alone and swapped contexts agree', async () => {
  const { client } = studio;
  const latents = block([2, 4, 6, 10], 1);
  const second = { shape: [1, 4, 6, 10], values: latents.values.slice(240) };
  const contexts = [{ prompt: '' }, { prompt: 'a red cat' }];
  const both = await client.call('probe', { latents, contexts, timesteps: [981, 0] });
  const [uncond, cond] = both.contexts as [NumberBlock, NumberBlock];
  const swapped = await client.call('probe', {
    latents: second,
    contexts: [cond, uncond],
    timesteps: [981],
  });
  expect(both.steps.map((s) => s.t)).toEqual([981, 0]);
  const [first, again] = [both.steps[0], swapped.steps[0]];
  expect(first?.predictions[1]?.shape).toEqual([2, 4, 6, 10]);
  expect(again?.predictions[0]?.values).toEqual(first?.predictions[1]?.values.slice(240));
  const [of, to] = (again?.predictions ?? []).map((p) => [...p.values]);
  const sum = (of ?? []).reduce((total, x, k) => total + (x - (to?.[k] ?? Number.NaN)) ** 2, 0);
  expect(again?.squaredDifference?.[0]).toBeCloseTo(sum, 4);
  expect(first?.squaredDifference?.[1]).toBeCloseTo(sum, 4);
});

test('one context has no difference; no timestep encodes alone', async () => {
  const { client } = studio;
  const latents = block([1, 4, 8, 8], 2);
  const contexts = [{ prompt: 'the dog' }];
  const alone = await client.call('probe', { latents, contexts, timesteps: [500] });
  expect(alone.steps[0]?.squaredDifference).toBeNull();
  const encoded = await client.call('probe', { latents, contexts, timesteps: [] });
  expect(encoded.steps).toEqual([]);
  expect(encoded.contexts).toEqual(alone.contexts);
});

test.each([
  ['another number of channels', { latents: block([1, 3, 8, 8], 1) }, 'latents'],
  ['too few values', { latents: { shape: [1, 4, 8, 8], values: new Float32Array(255) } }, 'latents'],
  [
    'values that are not numbers',
    { latents: { shape: [1, 4, 1, 1], values: new Float32Array(4).fill(Number.NaN) } },
    'latents',
  ],
  ['contexts of another width', { contexts: [block([1, 3, 5], 1)] }, 'contexts[0]'],
  ['no contexts', { contexts: [] }, 'contexts'],
  ['timesteps beyond the schedule', { timesteps: [1000] }, 'timesteps'],
])('%s are refused', async (_, change, where) => {
  const request = { latents: block([1, 4, 8, 8], 1), contexts: [{ prompt: 'x' }], timesteps: [1], ...change };
  await expect(studio.client.call('probe', request)).rejects.toMatchObject({ code: 'probe-invalid', where });
});

test('nothing is left behind', async () => {
  const { client } = studio;
  const request = { latents: block([1, 4, 8, 8], 1), contexts: [{ prompt: 'x' }], timesteps: [1] };
  await client.call('probe', request);
  const before = await client.call('usage', { restart: true });
  await client.call('probe', request);
  const after = await client.call('usage', { restart: false });
  expect(after.tensors).toBe(before.tensors);
  expect(after.gpu).toBeNull();
});
