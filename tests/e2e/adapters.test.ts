// Adapters of other tools on the page: dropped, looked into, compared, merged, and taken along in another format.

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSafetensors, writeSafetensors } from '../../src/formats/safetensors.ts';
import type { WritableTensor } from '../../src/formats/safetensorsLayout.ts';
import { bytesSource } from '../../src/lib/bytes.ts';
import { normals } from '../../src/lib/philox.ts';
import type { Studio } from '../../tools/lib/launch.ts';
import { goTo, openStudio, pageProblems, WIDE } from '../helpers/studioPage.ts';

const BLOCK = 'down_blocks.0.attentions.0.transformer_blocks.0';
const LAYERS = [
  `${BLOCK}.attn1.to_q`,
  `${BLOCK}.attn1.to_v`,
  'mid_block.attentions.0.transformer_blocks.0.attn1.to_q',
];
const PATIENT = { timeout: 60_000 };

let studio: Studio;
let page: Page;
let widths: number[];

beforeAll(async () => {
  studio = await openStudio();
  page = studio.page;
  await page.setViewportSize(WIDE);
  const config = JSON.parse(readFileSync('public/models/shapes/unet/config.json', 'utf8'));
  const channels: number[] = config.block_out_channels;
  widths = [channels[0] as number, channels[0] as number, channels.at(-1) as number];
});

afterAll(async () => {
  await studio?.close();
});

function tensor(name: string, shape: readonly number[], seed: number): WritableTensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return { name, shape, dtype: 'F32', data: normals(seed, 4, 0, count).map((x) => x / 20) };
}

function upload(name: string, bytes: Uint8Array | string) {
  return { name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) };
}

async function load(...files: ReturnType<typeof upload>[]): Promise<void> {
  await page.getByLabel('Adapter files', { exact: true }).setInputFiles(files);
  await page.getByText(`${files[0]?.name} loaded`).first().waitFor(PATIENT);
}

test('files of kohya and peft are taken in, peft with its settings', async () => {
  await goTo(page, 'Adapters');
  const kohya = LAYERS.flatMap((module, i) => {
    const stem = `lora_unet_${module.replaceAll('.', '_')}`;
    const width = widths[i] as number;
    return [
      tensor(`${stem}.lora_down.weight`, [3, width], 1 + i),
      tensor(`${stem}.lora_up.weight`, [width, 3], 11 + i),
    ];
  });
  await load(upload('style.safetensors', writeSafetensors(kohya)));
  const peft = LAYERS.slice(0, 2).flatMap((module, i) => {
    const width = widths[i] as number;
    return [
      tensor(`${module}.lora_A.weight`, [2, width], 21 + i),
      tensor(`${module}.lora_B.weight`, [width, 2], 31 + i),
    ];
  });
  const config = JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 6 });
  await load(
    upload('adapter_model.safetensors', writeSafetensors(peft)),
    upload('adapter_config.json', config),
  );
});

test('a look inside shows layers, alpha and the distance to the other one, and is accessible', async () => {
  await page.getByRole('combobox', { name: 'Beside' }).click();
  await page.getByRole('option', { name: /style\.safetensors/ }).click();
  await page.getByRole('button', { name: 'Look inside' }).click();
  const inside = page.getByRole('region', { name: 'adapter_model.safetensors' });
  await inside.waitFor(PATIENT);
  await expect(inside.getByText('PEFT', { exact: true }).count()).resolves.toBe(1);
  expect(await inside.locator('dl').innerText()).toMatch(/Alpha\s+6/);
  expect(await inside.getByRole('row').count()).toBeGreaterThan(3);
  expect(await inside.locator('dl').innerText()).toContain('Distance to style.safetensors');
  expect(await pageProblems(page, 'Adapters')).toEqual([]);
});

test('a merge is a new adapter, and comes in kohya’s format with nothing lost', async () => {
  await page.getByRole('button', { name: 'Merge', exact: true }).click();
  await page.getByText('merged.safetensors made').first().waitFor(PATIENT);
  await page.getByRole('button', { name: 'Prepare low-rank file' }).click();
  const save = page.getByRole('button', { name: 'Save low-rank file' });
  await save.waitFor(PATIENT);
  const row = page.getByRole('listitem').filter({ has: save });
  expect(await row.innerText()).toContain('Exact in every layer.');
  const [download] = await Promise.all([page.waitForEvent('download'), save.click()]);
  expect(download.suggestedFilename()).toBe('merged.kohya.safetensors');
  const path = await download.path();
  const file = await openSafetensors(bytesSource(new Uint8Array(readFileSync(path)), 'merged'));
  const stem = `lora_unet_${(LAYERS[0] as string).replaceAll('.', '_')}`;
  expect(file.entries.get(`${stem}.lora_down.weight`)?.shape).toEqual([5, widths[0]]);
});

test('a damaged file changes nothing', async () => {
  await page
    .getByLabel('Adapter files', { exact: true })
    .setInputFiles(upload('broken.safetensors', new Uint8Array(40)));
  await page.locator('[data-code=safetensors-invalid]').waitFor();
  expect(await page.getByRole('combobox', { name: 'Adapter', exact: true }).innerText()).toContain(
    'merged.safetensors',
  );
});
