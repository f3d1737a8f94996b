import { expect, test } from 'vitest';
import { readOptions } from '../../../tools/rehearse/options.ts';
import { failedChecks, markdown, type Report, terminalTable } from '../../../tools/rehearse/report.ts';

const metrics = {
  seconds: 12.34,
  gpuPeakBytes: 2_500_000_000,
  gpuBytes: 1_700_000_000,
  dispatches: 1234,
  tabPeakBytes: 400_000_000,
  gpuProcessPeakBytes: null,
};

const report: Report = {
  options: { model: 'sd21', backend: 'webgpu', latents: 8, timesteps: [981], steps: 2, rank: 32 },
  app: '0.1.0',
  browser: 'Chromium 156',
  adapter: 'webgpu, google, swiftshader',
  machine: '2 x processor',
  phases: {
    train: {
      metrics,
      at: '2026-01-01T00:00:00Z',
      facts: { loss: 1.25 },
      checks: [
        { name: 'one step is made', ok: true },
        { name: 'the loss is finite', ok: false },
      ],
    },
    write: {
      metrics: { ...metrics, gpuPeakBytes: null, gpuBytes: null, dispatches: null, tabPeakBytes: null },
      at: '2026-01-01T00:00:00Z',
      facts: {},
      checks: [],
    },
  },
};

test('phases are told in their order, with empty cells outside the page', () => {
  const lines = terminalTable(report).split('\n');
  expect(lines[1]).toBe('write     12.3');
  expect(lines[2]).toMatch(/^train +12\.3 +2,500 +1,700 +1,234 +400$/);
  const page = markdown(report);
  expect(page).toContain('Largest GPU memory of the phases that work with the model: 2,500 MB');
  expect(page).toContain('- **failed**: the loss is finite');
  expect(failedChecks(report)).toEqual(['train: the loss is finite']);
});

test('options have defaults for the full size and refuse what they do not know', () => {
  const options = readOptions([]);
  expect(options).toMatchObject({ model: 'sd21', latents: 8, timesteps: [981, 501, 21], rank: 32 });
  expect(options?.only).toHaveLength(10);
  expect(options?.report).toMatch(/docs.rehearsal\.md$/);
  expect(readOptions(['--model', 'tiny'])?.report).toBeNull();
  expect(readOptions(['--only', 'unet,load'])?.only).toEqual(['unet', 'load']);
  expect(readOptions(['--help'])).toBeNull();
  expect(() => readOptions(['--only', 'sleep'])).toThrow('--only must be one of write');
  expect(() => readOptions(['--timesteps', '1000'])).toThrow('from 0 to 999');
});
