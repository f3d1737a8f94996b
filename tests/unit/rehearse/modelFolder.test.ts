import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSafetensors } from '../../../src/formats/safetensors.ts';
import { bytesSource } from '../../../src/lib/bytes.ts';
import { makeTokenizer } from '../../../src/models/text/tokenizer.ts';
import { SD21_BASE, TINY } from '../../../tools/rehearse/modelConfigs.ts';
import { seededHalves } from '../../../tools/rehearse/seededWeights.ts';
import { tokenizerFiles } from '../../../tools/rehearse/tokenizerFiles.ts';
import { weightFiles, writeModel } from '../../../tools/rehearse/writeModel.ts';

type Manifest = {
  readonly config: Readonly<Record<string, unknown>>;
  readonly params: number;
  readonly tensors: Readonly<Record<string, readonly number[]>>;
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rehearse-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the full-size model', () => {
  test.each(['unet', 'vae', 'text_encoder'])('asks for every parameter of %s once, as published', (part) => {
    const manifest = readManifest(part);
    const specs = weightFiles(SD21_BASE).find((file) => file.path.startsWith(`${part}/`))?.specs ?? [];
    const asked = specs.map(({ name, shape }): [string, readonly number[]] => [name, shape]);
    expect(new Set(asked.map(([name]) => name)).size).toBe(asked.length);
    expect(Object.fromEntries(asked)).toEqual(manifest.tensors);
    expect(asked.reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0)).toBe(manifest.params);
  });

  test('is configured as published', () => {
    expect(SD21_BASE.unet).toMatchObject(readManifest('unet').config);
    const { scaling_factor: _, ...vae } = readManifest('vae').config;
    expect(SD21_BASE.vae).toMatchObject(vae);
    expect(SD21_BASE.textEncoder).toMatchObject(readManifest('text_encoder').config);
  });

  test('has 128 adapter targets, and 6,739,456 parameters in a DoRA of rank 32', () => {
    const targets = Object.entries(readManifest('unet').tensors).filter(([name]) =>
      /\.attn[12]\.(to_q|to_k|to_v|to_out\.0)\.weight$/.test(name),
    );
    expect(targets.length).toBe(128);
    const parameters = targets.map(([, [out = 0, inputs = 0]]) => 32 * (inputs + out) + out);
    expect(parameters.reduce((a, b) => a + b)).toBe(6_739_456);
  });
});

describe('a written folder', () => {
  test('holds the formula’s weights in files that can be read', async () => {
    const lines: string[] = [];
    const written = await writeModel(folder, TINY, (line) => lines.push(line));
    expect(lines).toHaveLength(3);
    expect(written.sizeBytes).toBeGreaterThan(2 * written.parameters);
    const path = join(folder, 'unet', 'diffusion_pytorch_model.safetensors');
    const file = await openSafetensors(bytesSource(readFileSync(path), path));
    const name = 'down_blocks.0.resnets.0.conv1.weight';
    const shape = [32, 32, 3, 3];
    expect(await file.readHalfBits(name)).toEqual(seededHalves(name, shape, { from: 0, count: 9216 }));
    expect(file.entries.get(name)?.shape).toEqual(shape);
    const text = readFileSync(join(folder, 'text_encoder', 'model.safetensors'));
    const positions = await openSafetensors(bytesSource(text, 'model.safetensors')).then((f) =>
      f.readF32('text_model.embeddings.position_ids'),
    );
    expect(positions[76]).toBe(76);
  });

  test('is kept where it is complete', async () => {
    await writeModel(folder, TINY, () => undefined);
    const path = join(folder, 'unet', 'diffusion_pytorch_model.safetensors');
    const before = statSync(path).mtimeMs;
    const lines: string[] = [];
    await writeModel(folder, TINY, (line) => lines.push(line));
    expect(statSync(path).mtimeMs).toBe(before);
    expect(lines.every((line) => line.includes('there already'))).toBe(true);
  });
});

test('the tokenizer has as many entries as CLIP’s, and pads as SD-2 does', () => {
  const files = tokenizerFiles(49408, 77);
  const text = (name: string): string => files.get(name) ?? '';
  expect(Object.keys(JSON.parse(text('vocab.json')))).toHaveLength(49408);
  expect(text('merges.txt').trim().split('\n')).toHaveLength(48895); // a line of version, and 48,894 merges
  const tokenizer = makeTokenizer(
    {
      vocab: text('vocab.json'),
      merges: text('merges.txt'),
      config: text('tokenizer_config.json'),
      special: text('special_tokens_map.json'),
    },
    77,
  );
  const { ids, dropped } = tokenizer.encode('a red circle above a blue square');
  expect(ids).toHaveLength(77);
  expect(ids[0]).toBe(49406);
  expect(ids).toContain(49407);
  expect(ids.at(-1)).toBe(0);
  expect(dropped).toBe(0);
});

function readManifest(part: string): Manifest {
  return JSON.parse(readFileSync(`tests/golden/manifests/${part}.json`, 'utf8')) as Manifest;
}
