// The scoring command on a folder of rendered images: from the command line to its files, interrupted and asked again.

import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../../tools/lib/dependencies.mjs';
import golden from '../golden/metrics/shapesClip.json';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'score-'));
  const lines = golden.map(({ text, png }, i) => {
    writeFileSync(join(folder, `${i}.png`), Buffer.from(png, 'base64'));
    return `${JSON.stringify({ file_name: `${i}.png`, text })}\n`;
  });
  writeFileSync(join(folder, 'metadata.jsonl'), lines.join(''));
});
afterAll(() => rmSync(folder, { recursive: true }));

function score(...args: string[]): { status: number | null; output: string } {
  const command = ['tools/run.mjs', 'tools/score/main.ts', folder, '--backend', 'wasm', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test('measures every image once, also after an interruption and a change', () => {
  const first = score('--metric', 'shapes-clip');
  expect(first.output).toContain('3 images, 0 measured before');
  expect(first.status).toBe(0);
  const path = join(folder, 'scores-shapes-clip.jsonl');
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const values = lines.map((line) => (JSON.parse(line) as { value: number }).value);
  for (const [i, { score: expected }] of golden.entries()) expect(values[i]).toBeCloseTo(expected, 5);

  // As a kill leaves it: the last line cut off.
  writeFileSync(path, `${lines.slice(0, 2).join('\n')}\n`);
  appendFileSync(path, (lines[2] as string).slice(0, 20));
  expect(score('--metric', 'shapes-clip').output).toContain('3 images, 2 measured before');
  expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toEqual(lines);
  expect(readFileSync(join(folder, 'scores-shapes-clip.csv'), 'utf8')).toContain(
    'file_name,prompt,shapes-clip',
  );
});

test('says what a metric without its model needs, and which metrics there are', () => {
  const missing = score('--metric', 'clip');
  expect(missing.output).toMatch(/needs --model DIR[\s\S]*vocab\.json/);
  expect(missing.status).toBe(1);
  expect(score('--metric', 'beauty').output).toContain('Name a metric: --metric exact, shapes-clip');
});

test('looks for the objects of prompts, and says which prompts say nothing of a place or are beyond the benchmark', () => {
  const places = mkdtempSync(join(tmpdir(), 'score-places-'));
  const model = join(places, 'model');
  const goldenFile = (name: string) => join(ROOT, 'tests/golden/metrics', name);
  mkdirSync(model);
  for (const name of [
    'owl_vit/config.json',
    'owl_vit/model.safetensors',
    'clip_bpe/vocab.json',
    'clip_bpe/merges.txt',
  ])
    copyFileSync(goldenFile(name), join(model, basename(name)));
  const prompts = ['a girl near a dog', 'a wallet near a dog', 'a red circle'];
  const lines = prompts.map((text, i) => {
    writeFileSync(
      join(places, `${i}.png`),
      Buffer.from((golden[i] as (typeof golden)[number]).png, 'base64'),
    );
    return `${JSON.stringify({ file_name: `${i}.png`, text })}\n`;
  });
  writeFileSync(join(places, 'metadata.jsonl'), lines.join(''));
  try {
    const command = ['tools/run.mjs', 'tools/score/main.ts', places, '--backend', 'wasm'];
    const { status, stdout } = spawnSync(
      process.execPath,
      [...command, '--metric', 'unidet-style', '--model', model],
      { cwd: ROOT, encoding: 'utf8' },
    );
    expect(status).toBe(0);
    expect(stdout).toContain('1 prompts always score 0 with UniDet itself');
    expect(stdout).toContain('Mean of 2 images');
    expect(stdout).toContain('1 images have a prompt that the metric has nothing to say about.');
    const [first] = readFileSync(join(places, 'scores-unidet-style.jsonl'), 'utf8').split('\n');
    const { asked } = JSON.parse(first ?? '') as { asked: { question: string }[] };
    expect(asked.map(({ question }) => question)).toEqual(['a photo of a person', 'a photo of a dog']);
  } finally {
    rmSync(places, { recursive: true });
  }
});
