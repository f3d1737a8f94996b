import { expect, test } from 'vitest';
import type { BackendReport } from '../../../src/contract/runTypes.ts';
import { kernelWords } from '../../../src/ui/words.ts';

const gpu: BackendReport = {
  name: 'webgpu',
  reason: '',
  adapter: { vendor: 'x', architecture: 'y', description: 'z' },
  precision: 'f32',
  kernels: { linear_gradient: 'registers' },
  selfTest: { tested: 30, wrong: [] },
};

test('the self-test of a GPU is told, whether it passed, failed or was not done', () => {
  expect(kernelWords(gpu)).toEqual([
    ['Kernels for linear gradient', 'registers'],
    ['Self-test on this GPU', '30 kernels, all right'],
  ]);
  const wrong = kernelWords({ ...gpu, selfTest: { tested: 30, wrong: ['linear (registers)'] } });
  expect(wrong.at(-1)?.[1]).toBe('30 kernels, 1 wrong and not used: linear (registers)');
  expect(kernelWords({ ...gpu, selfTest: null }).at(-1)?.[1]).toMatch(/^not done/);
  expect(kernelWords({ ...gpu, name: 'wasm', kernels: {}, selfTest: null })).toEqual([]);
});
