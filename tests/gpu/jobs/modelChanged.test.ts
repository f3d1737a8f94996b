// Weights that change between two sittings are noticed, wherever they lie.

import { expect, it } from 'vitest';
import { BROWSER } from '../../../src/storage/browser.ts';
import { openRunStore } from '../../../src/storage/runStore.ts';
import { startWorker } from '../storage/harness.ts';
import { openStudio } from './studio.ts';

it('a run does not go on with other weights', async () => {
  const studio = await openStudio('wasm');
  const runId = await studio.create({ selection: { candidates: 1 }, sampling: { steps: 2 } });
  await studio.run(runId, 'pool');
  const { weights = {} } = await openRunStore(BROWSER, runId).load();
  const unet = Object.keys(weights).find((name) => name.includes('unet/diffusion'));
  expect(weights[unet ?? '']).toMatch(/^[0-9a-f]{64}$/);

  const { call } = startWorker();
  const path = `models/${studio.model.kind === 'local' ? studio.model.id : ''}/unet/diffusion_pytorch_model.safetensors`;
  const bytes = (await call.readBytes(path)) as Uint8Array;
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
  await call.writeBytes(path, bytes);
  // As after a reload: the backend is opened anew, and the model is read again.
  await studio.client.call('open', { backend: 'webgpu' });
  await studio.client.call('open', { backend: 'wasm' });
  await expect(studio.run(runId, 'done')).rejects.toMatchObject({ code: 'model-changed' });

  bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
  await call.writeBytes(path, bytes);
  await studio.client.call('open', { backend: 'webgpu' });
  await studio.client.call('open', { backend: 'wasm' });
  await studio.run(runId, 'select');
  await studio.dispose();
});
