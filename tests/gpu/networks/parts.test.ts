import { expect, it } from 'vitest';
import { EVERYTHING_FITS } from '../../../src/contract/policy.ts';
import { loadModel } from '../../../src/models/load.ts';
import { decode } from '../../../src/models/vae/run.ts';
import { decodeImages } from '../../../src/procedures/decodeImages.ts';
import { openSession } from '../../../src/procedures/session.ts';
import { trimPool } from '../../../src/tensor/memory.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { activeMeter } from '../../../src/tensor/webgpu/bufferMeter.ts';
import { onBackends, randoms, take } from '../kernels/harness.ts';
import { loadTiny, memoryFolder, tinyFiles } from './tinyModel.ts';

const live = (): number => {
  trimPool();
  return activeMeter()?.liveBytes ?? 0;
};

onBackends('a model by phases', (backend) => {
  it('encodes prompts first, keeps the UNet, and brings the decoder for images', async () => {
    const files = memoryFolder(tinyFiles());
    const seen: string[] = [];
    const model = await loadModel(files, {
      format: 'f32',
      parts: 'byPhase',
      textPhase: async ({ parts }) => {
        seen.push(...Object.entries(parts).map(([name, { loaded }]) => `${name} ${loaded}`));
      },
    });
    const { parts } = model;
    expect(seen).toEqual(['unet false', 'vae false', 'text true']);
    expect([parts.unet.loaded, parts.vae.loaded, parts.text.loaded]).toEqual([true, false, false]);

    const session = openSession(model, { ...EVERYTHING_FITS, decodeBands: 4, decodeImages: 1 });
    const whole = openSession(await loadTiny());
    const latent = randoms(1, 256);
    const texts = ['a cat', 'the dog', 'a cat'];
    const images = await decodeImages(whole, [latent, latent]);
    const expected = await take(await whole.contexts.rows(texts));
    whole.model.dispose();
    // Vectors are uploaded at their first use and stay.
    expect(await decodeImages(session, [latent, latent])).toEqual(images);
    expect(await take(await session.contexts.rows(texts))).toEqual(expected);
    const [tensors, bytes] = [tf.memory().numTensors, live()];
    await decodeImages(session, [latent]);
    await session.contexts.prepare(['one bird']);

    // All that came has left again.
    expect([parts.vae.loaded, parts.text.loaded]).toEqual([false, false]);
    expect([tf.memory().numTensors, live()]).toEqual([tensors, bytes]);
    model.dispose();
  });

  it('says so when a network is used that is not there', async () => {
    const model = await loadModel(memoryFolder(tinyFiles()), { format: 'f32', parts: 'byPhase' });
    const latent = tf.zeros<tf.Rank.R4>([1, 8, 8, 4]);
    expect(() => decode(model.vae, latent)).toThrow(/while its network is not loaded/);
    const [first, second] = [await model.parts.vae.hold(), await model.parts.vae.hold()];
    first();
    expect(model.parts.vae.loaded).toBe(true);
    second();
    expect(model.parts.vae.loaded).toBe(false);
    latent.dispose();
    model.dispose();
    expect(backend).toBe(tf.getBackend());
  });
});
