// What the units of a run take, on a machine that does one multiply-add a second and nothing else takes time.

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { PlanMode, PlanSeconds } from '../../../src/contract/loadPlan.ts';
import type { MethodChoice } from '../../../src/contract/spec.ts';
import { type ModelShape, readModelShape } from '../../../src/models/shape.ts';
import { defaultSettings } from '../../../src/planning/memory.ts';
import { measurePhases } from '../../../src/planning/memoryPhases.ts';
import { planSeconds } from '../../../src/planning/planSeconds.ts';
import type { KernelSpeeds } from '../../../src/tensor/speed/kernelSpeeds.ts';
import { kernelOps } from '../../../src/tensor/webgpu/variantState.ts';
import { memoryFolder, tinyFiles } from '../../gpu/networks/tinyModel.ts';

const oneASecond = [{ multiplyAdds: 1, seconds: 1 }];
const speeds: KernelSpeeds = {
  launchSeconds: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  ops: Object.fromEntries(kernelOps.map((op) => [op, oneASecond])),
};

let shape: ModelShape;
beforeAll(async () => {
  // The rehearsal has a stand-in of everything else that a browser has.
  vi.stubGlobal('navigator', {});
  shape = await readModelShape(memoryFolder(tinyFiles()));
});
afterAll(() => vi.unstubAllGlobals());

type Asked = { batch?: number; size?: number; rank?: number; method?: MethodChoice };

async function secondsOf(
  mode: PlanMode,
  { batch = 2, size = 32, rank = 4, method }: Asked = {},
): Promise<PlanSeconds> {
  const settings = defaultSettings(shape, { backend: 'wasm', size, batch });
  const phases = await measurePhases(shape, { mode, settings, rank, method }, { speeds });
  return planSeconds(phases, { mode, settings, method });
}

test('an evaluation takes the same in any batch, more with an adapter, and more the more pixels there are', async () => {
  const one = await secondsOf('generate', { batch: 1 });
  const four = await secondsOf('generate', { batch: 4 });
  const large = await secondsOf('generate', { size: 64 });
  const drawn = one.drawn as number;
  // What all samples share, the time embedding, is once for all.
  expect((four.drawn as number) / drawn).toBeGreaterThan(0.9);
  expect((four.drawn as number) / drawn).toBeLessThanOrEqual(1);
  expect(one.drawnTuned).toBeGreaterThan(drawn);
  expect(four.decoded).toBe(one.decoded);
  expect((large.drawn as number) / (four.drawn as number)).toBeGreaterThan(3.5);
  expect((large.decoded as number) / (one.decoded as number)).toBeGreaterThan(3.5);
});

test('drawing without an adapter is all there is at rank 0', async () => {
  const { drawn, drawnTuned } = await secondsOf('generate', { rank: 0 });
  expect(drawnTuned).toBe(drawn);
  expect(drawn).toBe((await secondsOf('generate')).drawn);
});

test('a trained evaluation takes about what a drawn one takes', async () => {
  // Three of them are a forward and a backward pass, in which weights get no gradient.
  const { drawnTuned } = await secondsOf('generate');
  const { trained } = await secondsOf('train');
  expect((trained as number) / (drawnTuned as number)).toBeGreaterThan(0.6);
  expect((trained as number) / (drawnTuned as number)).toBeLessThan(1.2);
  expect(await secondsOf('train', { method: { name: 'semantic-guidance', options: {} } })).toEqual({});
});

test('nothing is known without speeds', async () => {
  const settings = defaultSettings(shape, { backend: 'wasm', size: 32, batch: 1 });
  const phases = await measurePhases(shape, { mode: 'generate', settings, rank: 4 });
  expect(planSeconds(phases, { mode: 'generate', settings })).toEqual({});
});
