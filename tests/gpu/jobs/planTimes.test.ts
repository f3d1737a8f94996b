import { expect, it } from 'vitest';
import { openStudio } from './studio.ts';

it('plans take the speed of the device in use, also where it changed while kernels were timed', async () => {
  const { client, model, dispose } = await openStudio('wasm');
  const request = { ref: model, mode: 'generate', rank: 4, size: null, batch: 2 } as const;
  const plan = () => client.call('planLoad', request);
  const before = plan();
  await client.call('open', { backend: 'webgpu' });
  await before;
  // The GPU is a program on the processor, many times slower than the processor itself.
  const slow = await plan();
  await client.call('open', { backend: 'wasm' });
  const fast = await plan();
  expect([slow.backend, fast.backend]).toEqual(['webgpu', 'wasm']);
  for (const unit of ['drawn', 'drawnTuned', 'decoded'] as const)
    expect(slow.seconds[unit]).toBeGreaterThan(2 * (fast.seconds[unit] as number));
  await dispose();
});
