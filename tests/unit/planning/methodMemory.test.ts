// What methods add to the memory of a run, counted without a device.

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PlanMode, PlanSettings } from '../../../src/contract/loadPlan.ts';
import type { MethodChoice } from '../../../src/contract/spec.ts';
import { METHODS } from '../../../src/methods/registry.ts';
import { type ModelShape, readModelShape } from '../../../src/models/shape.ts';
import { defaultSettings, frugalSettings } from '../../../src/planning/memory.ts';
import { measurePhases } from '../../../src/planning/memoryPhases.ts';
import { valueShapes } from '../../../src/training/valueNetwork.ts';
import { memoryFolder, tinyFiles } from '../../gpu/networks/tinyModel.ts';

vi.setConfig({ testTimeout: 120_000 });

let shape: ModelShape;
let settings: PlanSettings;
beforeAll(async () => {
  // The rehearsal has a stand-in of everything else that a browser has.
  vi.stubGlobal('navigator', {});
  shape = await readModelShape(memoryFolder(tinyFiles()));
  settings = frugalSettings(defaultSettings(shape, { backend: 'webgpu', size: 32, batch: 2 }), 'webgpu');
});

afterAll(() => vi.unstubAllGlobals());

async function peakBytes(
  mode: PlanMode,
  name: string | null,
  over: Partial<PlanSettings> = {},
): Promise<number> {
  const choice: MethodChoice | undefined = name === null ? undefined : { name, options: {} };
  const ways = mode === 'train' ? { method: choice } : { drawnBy: choice };
  const phases = await measurePhases(shape, { mode, settings: { ...settings, ...over }, rank: 4, ...ways });
  return phases.find(({ phase }) => phase === mode)?.peakBytes ?? Number.NaN;
}

/** Of a value network for latents of 16 x 16 x 4, texts of 16 and two steps. */
function valueNumbers(): number {
  const shapes = valueShapes({ features: 16 * 16 * 4 + 16, hidden: 256, steps: 2 });
  return shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

describe('the memory plan', () => {
  it.each(METHODS.filter(({ draws }) => draws).map(({ name }) => name))(
    'counts how %s draws',
    async (name) => {
      // One tape over the network, as small models run.
      const whole = { sweep: 'whole', batch: 1 } as const;
      const [plain, ruled] = [
        await peakBytes('generate', null, whole),
        await peakBytes('generate', name, whole),
      ];
      // Attention maps, or gradients of the latent; phrases cost their embeddings alone, nothing beside the rest.
      if (name === 'structured-guidance') expect(Math.abs(ruled / plain - 1)).toBeLessThan(0.05);
      else expect(ruled).toBeGreaterThan(1.02 * plain);
      const gradients = METHODS.find((method) => method.name === name)?.needs.gradients === 'latent';
      if (!gradients) return;
      // Stage by stage keeps less of the tape.
      expect(await peakBytes('generate', name, { batch: 1 })).toBeLessThan(ruled);
    },
  );

  it.each([
    ['hn-itm', 2],
    ['mi-loss', 2],
    ['mi-dpo', 2],
    ['dpok', 2],
    ['negative-aware', 1],
  ] as const)('counts the rows of %s and its reference', async (name, rows) => {
    const [one, two] = [
      await peakBytes('train', null, { batch: 1 }),
      await peakBytes('train', null, { batch: 2 }),
    ];
    const own = await peakBytes('train', name, { batch: 1 });
    // DPOK's value network stays beside the adapter: its weights, and two moments of each.
    if (name === 'dpok') expect(own).toBeGreaterThan(two + 3 * 4 * valueNumbers());
    if (rows === 2) expect(own).toBeGreaterThan(one + 0.9 * (two - one));
    else expect(own).toBeGreaterThan(one);
  });

  it('counts the images that DPOK keeps, with every latent and three copies as they are stored', async () => {
    const method: MethodChoice = { name: 'dpok', options: { kept: 7, samples: 1 } };
    const request = { mode: 'train', settings, rank: 4, steps: 9 } as const;
    const phases = await measurePhases(shape, { ...request, method });
    expect(phases.map(({ phase, keptBytes }) => [phase, keptBytes])).toEqual([
      ['text', 0],
      ['train', 4 * 7 * 10 * (4 * 16 * 16 * 4)],
      ['decode', 0],
    ]);
    const others = await measurePhases(shape, request);
    expect(others.map((phase) => phase.keptBytes)).toEqual([0, 0, 0]);
  });
});
