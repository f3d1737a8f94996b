// Metrics of a model that is loaded by phase: they have the device without its UNet, and go on where they stopped.

import { expect, it } from 'vitest';
import { policyOf } from '../../../src/contract/policy.ts';
import { measurePool, type PoolOfRound } from '../../../src/jobs/measurePool.ts';
import { clipScore } from '../../../src/metrics/clipMetrics.ts';
import type { Meter } from '../../../src/metrics/metric.ts';
import { loadModel } from '../../../src/models/load.ts';
import { openSession } from '../../../src/procedures/session.ts';
import type { ScoreEntry } from '../../../src/storage/runRecord.ts';
import { onBackends } from '../kernels/harness.ts';
import { memoryFolder, tinyFiles } from '../networks/tinyModel.ts';

const IMAGES = 10;

onBackends('a pool of a model that is loaded by phase', (backend) => {
  it('is measured while the UNet is away, and again from where it was stopped', async () => {
    const weights = backend === 'webgpu' ? 'f16' : 'f32';
    const model = await loadModel(memoryFolder(tinyFiles()), { format: weights, parts: 'byPhase' });
    const settings = {
      size: 16,
      batch: 1,
      weights,
      parts: 'byPhase',
      sweep: 'byStage',
      decodeBands: 2,
    } as const;
    const session = openSession(model, policyOf(settings, { drawRows: 1, trainRows: 1 }));
    const [h, w, c] = session.latentShape;
    const entries: ScoreEntry[] = Array.from({ length: IMAGES }, (_, candidate) => ({
      round: 0,
      prompt: 0,
      candidate,
      score: 0,
      standardError: null,
      metrics: { exact: { value: 1 } },
      terms: null,
    }));
    const of = {
      session,
      round: 0,
      prompts: ['a'],
      store: {
        series: {
          load: async () => entries,
          append: async (_: string, more: readonly ScoreEntry[]) => void entries.push(...more),
        },
      },
      pool: {
        entries: () => Array.from({ length: IMAGES }, (_, candidate) => ({ prompt: 0, candidate })),
        latents: ([ref]: { candidate: number }[]) =>
          new Float32Array(h * w * c).fill(0.1 * (ref?.candidate ?? 0)),
      },
    } as unknown as PoolOfRound;
    const unetThere: boolean[] = [];
    let rested = 0;
    const meter: Meter = {
      metric: clipScore,
      prepare: async () => void unetThere.push(model.parts.unet.loaded),
      asks: async () => [],
      measure: async ({ width, height }) => {
        unetThere.push(model.parts.unet.loaded);
        return { value: width * height };
      },
      rest: () => {
        rested++;
      },
      dispose: () => undefined,
    };
    const stop = new AbortController();
    const stopped = measurePool(of, meter, { signal: stop.signal, onStored: () => stop.abort() });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect([entries.length, model.parts.unet.loaded, rested]).toEqual([IMAGES + 8, true, 1]);
    const told: number[][] = [];
    const again = () =>
      measurePool(of, meter, {
        signal: new AbortController().signal,
        onStored: (stored, done, total) => told.push([stored.length, done, total]),
      });
    expect(await again()).toEqual({ images: 2, again: 0 });
    expect(told).toEqual([[2, 2, 2]]);
    expect(await again()).toEqual({ images: 0, again: 0 });
    expect(unetThere).toHaveLength(1 + 8 + 1 + 2);
    expect(unetThere).not.toContain(true);
    expect([model.parts.unet.loaded, model.parts.vae.loaded, rested]).toEqual([true, false, 2]);
    const size = (h * model.vae.config.factor) ** 2;
    const last = new Map(entries.map((entry) => [entry.candidate, entry.metrics]));
    expect([...last.values()]).toEqual(
      Array.from({ length: IMAGES }, () => ({ exact: { value: 1 }, clip: { value: size } })),
    );
    model.dispose();
  });
});
