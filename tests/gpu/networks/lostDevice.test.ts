// What a lost device leaves behind where networks come by phases: nothing that the next one trips over.

import { expect, it } from 'vitest';
import { initAdapter } from '../../../src/adapters/adapter.ts';
import { EVERYTHING_FITS } from '../../../src/contract/policy.ts';
import { loadModel } from '../../../src/models/load.ts';
import { decodeImages } from '../../../src/procedures/decodeImages.ts';
import { openSession, type Session } from '../../../src/procedures/session.ts';
import { type RoundEvent, trainedTargets, trainRound } from '../../../src/procedures/trainRound.ts';
import { openBackend } from '../../../src/tensor/device.ts';
import { isTaken } from '../../../src/tensor/pace.ts';
import { tf, type WebGPUBackend } from '../../../src/tensor/tf.ts';
import type { Checkpoint } from '../../../src/training/checkpoint.ts';
import { randoms, wasmPaths } from '../kernels/harness.ts';
import { memoryFolder, tinyFiles } from './tinyModel.ts';

const policy = { ...EVERYTHING_FITS, sweep: 'byStage', decodeBands: 4, decodeImages: 1 } as const;

async function openTiny(): Promise<Session> {
  await openBackend('webgpu', { wasmPaths });
  const model = await loadModel(memoryFolder(tinyFiles()), { format: 'f16', parts: 'byPhase' });
  return openSession(model, policy);
}

/** Loses the device in use after so many submissions. */
function loseAfter(submissions: number): void {
  const { device } = tf.backend() as WebGPUBackend;
  const submit = device.queue.submit.bind(device.queue);
  let left = submissions;
  device.queue.submit = (buffers) => {
    submit(buffers);
    if (--left === 0) device.destroy();
  };
}

it('a decoder that was working leaves, and images come out the same on a new device', async () => {
  const latents = [randoms(1, 8 * 8 * 4), randoms(2, 8 * 8 * 4)];
  let session = await openTiny();
  const expected = await decodeImages(session, latents);
  for (const submissions of [1, 8, 30]) {
    loseAfter(submissions);
    await expect(decodeImages(session, latents)).rejects.toThrow();
    expect(session.model.parts.vae.loaded).toBe(false);
    expect(isTaken()).toBe(false);
    session.model.dispose();
    session = await openTiny();
    expect(await decodeImages(session, latents)).toEqual(expected);
  }
  session.model.dispose();
});

it('training block by block goes on from its last checkpoint to the same bits', async () => {
  const set = [1, 2, 3].map((seed) => ({ text: 'a cat', latent: randoms(seed, 8 * 8 * 4) }));
  const train = async (session: Session, from: Checkpoint | null, onEvent: (event: RoundEvent) => void) => {
    const targets = trainedTargets(session, false);
    const start = from ?? { adapter: initAdapter('dora', 2, targets, 3) };
    const round = trainRound(session, set, [], start, {
      ...{ kind: 'dora', rank: 2, textEncoder: false, iterations: 4, checkpointEvery: 1, previewEvery: 0 },
      ...{ batch: 2, accumulation: 1, learningRate: 1e-2, warmup: 0, clip: 1, weightDecay: 0 },
      ...{ flushAtEpochEnd: false, seed: 5 },
      origin: { round: 0, set: 'test', backend: 'webgpu', kernels: {} },
    });
    let last: Checkpoint | null = from;
    for await (const event of round) {
      if (event.type === 'checkpoint') last = event.checkpoint;
      onEvent(event);
    }
    return last;
  };
  let session = await openTiny();
  const whole = await train(session, null, () => undefined);
  session.model.dispose();

  session = await openTiny();
  let kept: Checkpoint | null = null;
  const broken = train(session, null, (event) => {
    if (event.type !== 'checkpoint') return;
    kept = event.checkpoint;
    if (event.checkpoint.step === 2) loseAfter(5);
  });
  await expect(broken).rejects.toThrow();
  expect(kept).toMatchObject({ step: 2 });
  session.model.dispose();
  session = await openTiny();
  expect(await train(session, kept, () => undefined)).toEqual(whole);
  session.model.dispose();
});
