import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PlanMode, PlanSettings } from '../../../src/contract/loadPlan.ts';
import { type ModelShape, readModelShape } from '../../../src/models/shape.ts';
import { defaultSettings, frugalSettings, makePlan } from '../../../src/planning/memory.ts';
import { measureOf, measurePhases, runPhases } from '../../../src/planning/memoryPhases.ts';
import { tf, type WebGPUBackend } from '../../../src/tensor/tf.ts';
import { activeMeter, tryAllocation } from '../../../src/tensor/webgpu/bufferMeter.ts';
import { onBackends } from '../kernels/harness.ts';
import { memoryFolder, tinyFiles } from '../networks/tinyModel.ts';

const RANK = 4;

async function tiny(size: number | null = null): Promise<{ shape: ModelShape; settings: PlanSettings }> {
  const shape = await readModelShape(memoryFolder(tinyFiles()));
  const settings = defaultSettings(shape, { backend: 'webgpu', size, batch: 1 });
  return { shape, settings: frugalSettings(settings, 'webgpu') };
}

onBackends(
  'the memory of a run',
  (backend) => {
    it.each([
      ['generate', 8],
      ['generate', 16],
      ['train', 8],
      ['train', 16],
    ] as [PlanMode, number][])(
      'to %s at a side of %d latents is what a replay without computing takes',
      async (mode, latents) => {
        // Its VAE makes two pixels of one.
        const { shape, settings } = await tiny(2 * latents);
        const request = { mode, settings, rank: RANK };
        const real = await runPhases(shape, request);
        const paper = await measurePhases(shape, request);
        const { device } = tf.backend() as WebGPUBackend;
        const before = activeMeter()?.liveBytes;
        const replayed = await measurePhases(shape, request, { device });
        expect(activeMeter()?.liveBytes).toBe(before);
        expect(real.map((p) => p.phase)).toEqual(['text', mode, 'decode']);
        for (const [i, { peakBytes }] of real.entries()) {
          expect(Math.abs((replayed[i]?.peakBytes ?? 0) / peakBytes - 1)).toBeLessThan(0.05);
          // On paper there is no GPU whose kernels have constants of their own.
          expect(Math.abs((paper[i]?.peakBytes ?? 0) / peakBytes - 1)).toBeLessThan(0.05);
          expect(Math.abs((paper[i]?.peakBytes ?? 0) - (replayed[i]?.peakBytes ?? 0))).toBeLessThan(1024);
        }
      },
    );

    it.each([
      ['generate', { drawnBy: { name: 'attend-and-excite', options: {} } }],
      ['train', { method: { name: 'hn-itm', options: {} } }],
      ['train', { method: { name: 'mi-dpo', options: {} } }],
      ['train', { method: { name: 'dpok', options: { samples: 2 } } }],
    ] as const)('to %s counts what the method adds, %o', async (mode, ways) => {
      const { shape, settings } = await tiny(16);
      const request = { mode, settings, rank: RANK };
      const peakOf = (phases: Awaited<ReturnType<typeof measurePhases>>): number =>
        phases.find(({ phase }) => phase === mode)?.peakBytes ?? Number.NaN;
      const [plain, more] = [
        await measurePhases(shape, request),
        await measurePhases(shape, { ...request, ...ways }),
      ];
      expect(peakOf(more)).toBeGreaterThan(1.02 * peakOf(plain));
      // And it is what a real run takes. `tests/unit/planning/methodMemory.test.ts` counts the other methods.
      const real = await runPhases(shape, { ...request, ...ways });
      expect(Math.abs(peakOf(more) / peakOf(real) - 1)).toBeLessThan(0.05);
    });

    it('leaves the backend and its tensors as they were', async () => {
      const { shape, settings } = await tiny();
      const before = [tf.getBackend(), tf.backend(), tf.memory().numTensors];
      await measurePhases(shape, { mode: 'train', settings, rank: RANK });
      expect([tf.getBackend(), tf.backend(), tf.memory().numTensors]).toEqual(before);
      expect(tf.getBackend()).toBe(backend);
    });

    it('is planned: what does not fit gets a proposal that does', async () => {
      const { shape, settings } = await tiny();
      const measure = measureOf(shape, { mode: 'generate', rank: 0 });
      const input = { model: 'tiny', backend: 'webgpu', shape, mode: 'generate', measure } as const;
      const asked = { ...settings, batch: 8 };
      const roomy = await makePlan({ ...input, settings: asked, budgetBytes: 1e9 });
      expect([roomy.fits, roomy.proposal]).toEqual([true, null]);
      expect(roomy.rows.map((r) => r.bytes).every((bytes) => bytes > 0)).toBe(true);
      for (const { phase, peakBytes } of roomy.phases) {
        const rows = roomy.rows.filter((r) => r.phase === phase && r.where === 'device');
        expect(rows.reduce((sum, r) => sum + r.bytes, 0)).toBe(peakBytes);
      }
      const tight = await makePlan({ ...input, settings: asked, budgetBytes: 0.6 * roomy.peakBytes });
      expect(tight.fits).toBe(false);
      expect(tight.proposal?.peakBytes).toBeLessThanOrEqual(0.6 * roomy.peakBytes);
      expect(tight.proposal?.settings.batch).toBeLessThan(8);
      expect(tight.proposal?.changes[0]).toMatch(/^\d images? at a time instead of 8$/);
      const hopeless = await makePlan({ ...input, settings: asked, budgetBytes: 1000 });
      expect([hopeless.fits, hopeless.proposal]).toEqual([false, null]);
    });

    it('is tried on the device, which is left as it was', async () => {
      const before = activeMeter()?.liveBytes;
      expect(await tryAllocation(5e6 + (before ?? 0))).toBe(backend === 'webgpu' ? true : null);
      expect(activeMeter()?.liveBytes).toBe(before);
    });
  },
  ['webgpu'],
);

onBackends('the memory of a run without WebGPU', () => {
  const names = ['GPUBuffer', 'GPUTexture', 'GPUExternalTexture', 'GPUBufferUsage', 'GPUMapMode'];
  const found = [...names, 'GPUShaderStage', 'GPUTextureUsage'].map(
    (name) => [name, Object.getOwnPropertyDescriptor(globalThis, name) as PropertyDescriptor] as const,
  );
  beforeAll(() => {
    for (const [name] of found) Reflect.deleteProperty(globalThis, name);
    Object.defineProperty(navigator, 'gpu', { value: undefined, configurable: true });
  });
  afterAll(() => {
    Reflect.deleteProperty(navigator, 'gpu');
    for (const [name, descriptor] of found) Object.defineProperty(globalThis, name, descriptor);
  });

  it('is planned all the same', async () => {
    const { shape, settings } = await tiny();
    const measure = measureOf(shape, { mode: 'train', rank: RANK });
    const input = { model: 'tiny', backend: 'wasm', shape, mode: 'train', measure } as const;
    const plan = await makePlan({ ...input, settings, budgetBytes: 1e9 });
    expect(plan.fits).toBe(true);
    expect(plan.peakBytes).toBeGreaterThan(1e5);
    expect(await tryAllocation(1e6)).toBe(null);
  });
}, ['wasm']);
