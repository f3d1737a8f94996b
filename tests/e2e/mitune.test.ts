// npm run mitune: a browser that dies under it, a resumed run, what the page complains of for a while, and what it says in the end.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureBuild } from '../../tools/lib/buildApp.mjs';
import { ROOT } from '../../tools/lib/dependencies.mjs';
import { launchStudio } from '../../tools/lib/launch.ts';
import { follow } from '../../tools/mitune/pageDriver.ts';
import { killProcesses } from '../../tools/torture/processes.ts';

let work: string;
let profile: string;
beforeAll(() => {
  ensureBuild();
  work = mkdtempSync(join(tmpdir(), 'mitune-'));
  profile = join(work, 'out', '.mi-tune', 'profile');
  writeFileSync(
    join(work, 'list.txt'),
    'a red circle above a blue square\na green star and a white ring\na cyan ring\n',
  );
});
afterAll(() => rmSync(work, { recursive: true, force: true, maxRetries: 5 }));

/** A run of seconds whose training can only do harm: with such a learning rate no checkpoint is better than the start. */
const TINY = [
  ...['--prompts', 'list.txt', '--backend', 'wasm', '--steps', '4', '--candidates', '8', '--rank', '2'],
  ...['--iterations', '4', '--batch', '2', '--checkpoint-steps', '2', '--preview-steps', '2'],
  ...['--lr', '0.1', '--validation-share', '0.34', '--keep-last', 'false'],
];

/** Calls the command. @param onText hears what it has printed so far */
function mitune(
  args: readonly string[],
  onText: (text: string) => void = () => undefined,
): Promise<{ status: number | null; text: string }> {
  const command = [join(ROOT, 'tools/run.mjs'), join(ROOT, 'tools/mitune/main.ts'), '--out', 'out', ...args];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, { cwd: work });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        text += data;
        onText(text);
      });
    }
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, text }));
  });
}

test('a browser that dies is noticed, and its run is resumed although the profile is still locked', async () => {
  let diedAt = 0;
  const broken = await mitune(TINY, (text) => {
    if (diedAt > 0 || !/^(pool|train) /m.test(text)) return;
    diedAt = Date.now();
    expect(killProcesses(profile, 'tree')).toBeGreaterThan(0);
  });
  expect(broken.status, broken.text).toBe(1);
  expect(Date.now() - diedAt, broken.text).toBeLessThan(90_000);
  expect(broken.text).toMatch(/The browser stopped: .*closed or has died/);
  expect(broken.text).toContain('continue with --resume --out out');
  // The lock of a browser that is gone.
  expect(readlinkSync(join(profile, 'SingletonLock'))).toMatch(/-\d+$/);

  const { status, text } = await mitune(['--resume']);
  expect(status, text).toBe(0);
  expect(text).toContain('Note: Round 1: no checkpoint was better than the start on the held-out images.');
  for (const file of ['report.json', 'scores.csv'])
    expect(existsSync(join(work, 'out', file)), file).toBe(true);
});

test('what the page complains of for a moment does not stop a run that goes on', async () => {
  const studio = await launchStudio({ backend: 'wasm' });
  try {
    const { page } = studio;
    // As when another tab still holds the run.
    await page.setContent('<main data-status="paused" data-stage="train"><p role="alert">in use</p></main>');
    await page.evaluate(() => {
      const run = document.querySelector('main') as HTMLElement;
      const becomes = (status: string, ms: number) => setTimeout(() => (run.dataset.status = status), ms);
      setTimeout(() => run.firstElementChild?.remove(), 4000);
      becomes('running', 6000);
      becomes('done', 8000);
    });
    expect(await follow(page)).toBe(true);
    await page.setContent('<main data-status="paused" data-stage="train"><p role="alert">in use</p></main>');
    expect(await follow(page)).toBe(false);
  } finally {
    await studio.close();
  }
});
