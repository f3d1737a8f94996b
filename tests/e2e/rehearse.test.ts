// The rehearsal of the whole work, on a model small enough for a minute.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSafetensors } from '../../src/formats/safetensors.ts';
import { bytesSource } from '../../src/lib/bytes.ts';
import { ROOT } from '../../tools/lib/dependencies.mjs';
import { failedChecks, type Report } from '../../tools/rehearse/report.ts';

let work: string;
let output: { status: number | null; text: string };

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'rehearse-'));
  output = rehearse([]);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function rehearse(more: readonly string[]): { status: number | null; text: string } {
  const args = ['--model', 'tiny', '--work', work, '--rank', '4', '--timesteps', '981,21', ...more];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['tools/run.mjs', 'tools/rehearse/main.ts', ...args],
    { cwd: ROOT, encoding: 'utf8' },
  );
  return { status, text: stdout + stderr };
}

describe('a rehearsal', () => {
  test('goes from the download to the exported adapter', () => {
    expect(output.text).toContain('reloading the page in the middle of it');
    const report = JSON.parse(readFileSync(join(work, 'results', 'rehearsal.json'), 'utf8')) as Report;
    expect(failedChecks(report)).toEqual([]);
    expect(Object.keys(report.phases)).toEqual([
      'write',
      'download',
      'plan',
      'load',
      'encode',
      'unet',
      'generate',
      'train',
      'decode',
      'export',
    ]);
    expect(output.status, output.text).toBe(0);
    for (const phase of ['unet', 'generate', 'train'] as const) {
      expect(report.phases[phase]?.metrics.dispatches).toBeGreaterThan(50);
      expect(report.phases[phase]?.metrics.gpuPeakBytes).toBeGreaterThan(2 * 792_964);
    }
  });

  test('writes what PyTorch computes from the same weights', async () => {
    const path = join(work, 'results', 'unet-outputs.safetensors');
    const file = await openSafetensors(bytesSource(readFileSync(path), path));
    expect([...file.entries.keys()]).toEqual([
      'out.context.t21',
      'out.context.t981',
      'out.uncond.t21',
      'out.uncond.t981',
      'sq.t21',
      'sq.t981',
    ]);
    expect(file.entries.get('out.context.t981')?.shape).toEqual([1, 4, 8, 8]);
    // torch 1.13.1, CPU float32: tools/rehearse/reference.py --model <the folder>
    const expected = {
      'out.context.t981': [0.161164, -0.0610867, -0.133405, -0.259526],
      'out.uncond.t21': [0.0945812, -0.111868, -0.131664, -0.275072],
      'sq.t981': [0.272565],
      'sq.t21': [0.265906],
    };
    for (const [name, values] of Object.entries(expected)) {
      const found = await file.readF32(name);
      for (const [i, value] of values.entries()) expect(Math.abs((found[i] ?? 0) - value)).toBeLessThan(2e-5);
    }
  });

  test('goes on where it was stopped', () => {
    const again = rehearse([]);
    expect(again.status).toBe(0);
    expect(again.text).not.toContain('begins.');
  });
});
