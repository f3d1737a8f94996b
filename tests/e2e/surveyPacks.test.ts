// Packs of the methods campaign: from folders, and from several runs.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from '../../src/formats/png.ts';
import type { Studio } from '../../tools/lib/launch.ts';
import { giveFile, goTo, openStudio } from '../helpers/studioPage.ts';
import { buildSet, SURVEY_RUN, savePack } from '../helpers/surveyPacks.ts';

let folder: string;
let studio: Studio;
let page: Page;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mi-tune-packs-'));
  studio = await openStudio({ userDataDir: join(folder, 'profile') });
  page = studio.page;
});

afterAll(async () => {
  await studio?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a pack of methods', () => {
  test('is made of folders as the official notebooks have them', async () => {
    const images = join(folder, 'images');
    const png = await encodePng(new Uint8Array(3 * 16).fill(90), 4, 4);
    for (const category of ['color', 'shape']) {
      for (const method of ['AandE', 'MI']) {
        mkdirSync(join(images, category, method), { recursive: true });
        for (const prompt of ['a red book', 'a round box', `only ${method}`])
          writeFileSync(join(images, category, method, `${prompt}_000004.png`), png);
      }
    }
    await goTo(page, 'Survey');
    await page.getByRole('button', { name: 'Folders of images' }).click();
    await page.getByLabel('Folder of images').setInputFiles(images);
    await page.getByText('4 prompts are left out').waitFor();
    const { manifest } = await savePack(page, join(folder, 'folders.zip'));
    expect(manifest).toMatchObject({
      campaign: 'methods',
      columns: ['AandE', 'MI'],
      rounds: 2,
      answersTo: null,
    });
    expect(manifest.questions.map(({ category, prompt }) => `${category}: ${prompt}`)).toEqual([
      'color: a red book',
      'color: a round box',
      'shape: a red book',
      'shape: a round box',
    ]);
  });

  test('is made of two runs', async () => {
    for (const seed of [42, 7]) {
      await goTo(page, 'Start');
      await giveFile(page, 'Run file', `${seed}.json`, JSON.stringify({ ...SURVEY_RUN, seed }));
      await buildSet(page);
    }
    await goTo(page, 'Survey');
    await page.getByRole('button', { name: 'Several runs' }).click();
    for (const run of await page.getByRole('checkbox').all()) await run.check();
    await page.getByText('5 prompts, 2 images each').waitFor();
    const { manifest } = await savePack(page, join(folder, 'runs.zip'));
    expect(manifest.columns).toHaveLength(2);
    expect(new Set(manifest.questions.map(({ prompt }) => prompt))).toEqual(new Set(SURVEY_RUN.prompts));
    expect(new Set(manifest.questions.flatMap(({ images }) => Object.values(images))).size).toBe(10);
  });
});
