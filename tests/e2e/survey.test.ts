// A pool with two scores, their agreement, a survey pack of them, three surveys by keyboard, and what they add up to.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnswerFile, parseAnswers } from '../../src/survey/answers.ts';
import { readImage } from '../../src/survey/pack.ts';
import type { Studio } from '../../tools/lib/launch.ts';
import { alertCodes, giveFile, goTo, NARROW, openStudio, pageProblems, WIDE } from '../helpers/studioPage.ts';
import { buildSet, SURVEY_RUN, saveDownload, savePack } from '../helpers/surveyPacks.ts';

const COLUMNS = ['mi', 'exact', 'shapes-clip'];

let folder: string;
let studio: Studio;
let page: Page;
/** Takes posted answers, as a host's server would. */
let receiver: Server;
const received: string[] = [];
const printed: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mi-tune-survey-'));
  mkdirSync(join(folder, 'packs'));
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    request.on('end', () => {
      received.push(`${request.method} ${body}`);
      response.writeHead(200, { 'Access-Control-Allow-Origin': '*' }).end();
    });
  });
  await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
  studio = await openStudio({
    mounts: { '/packs/': join(folder, 'packs') },
    userDataDir: join(folder, 'profile'),
    onConsole: (kind, text) => void (kind === 'error' && printed.push(text)),
  });
  page = studio.page;
  await page.setViewportSize(WIDE);
});

afterAll(async () => {
  await studio?.close();
  receiver?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The places selected in the round on show. */
async function selected(survey: Page): Promise<number[]> {
  const pressed = await survey
    .locator('[data-image]')
    .evaluateAll((all) => all.map((image) => image.getAttribute('aria-pressed') === 'true'));
  return pressed.flatMap((on, place) => (on ? [place] : []));
}

const promptOf = async (survey: Page): Promise<string> =>
  /“(.*)”/.exec((await survey.getByRole('heading', { level: 1 }).textContent()) ?? '')?.[1] ?? '';

describe('a pool with several scores', () => {
  test('is built', async () => {
    await giveFile(page, 'Run file', 'run.json', JSON.stringify(SURVEY_RUN));
    await buildSet(page);
    expect(await alertCodes(page)).toEqual([]);
  });

  test('shows how they agree, accessibly', async () => {
    await goTo(page, 'Agreement');
    const rows = page.getByRole('table').locator('tbody tr th');
    await expect
      .poll(() => rows.allTextContents(), { timeout: 60_000 })
      .toContain('MI, weights none5 prompts, 20 images');
    const labels = await rows.allTextContents();
    expect(labels.slice(0, 2)).toEqual([
      'Exact score5 prompts, 20 images',
      'Standard estimate5 prompts, 20 images',
    ]);
    expect(labels).toHaveLength(2 + 4);
    const [, tau] = await page
      .getByRole('row', { name: 'MI, weights eq2' })
      .getByRole('cell')
      .allTextContents();
    expect(Number.parseFloat((tau ?? '').replace('−', '-'))).toBeGreaterThan(0.5);
    expect(await page.locator('[data-disagreements] canvas').count()).toBe(3);
    expect(await pageProblems(page, 'Agreement')).toEqual([]);
  });

  test('is measured by a second metric afterwards, once', async () => {
    const open = page.getByRole('button', { name: 'Measure these images by another metric' });
    await open.click();
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    await page.getByText('Shapes CLIP: 20 images measured.').waitFor({ timeout: 60_000 });
    const rows = page.getByRole('table').locator('tbody tr th');
    await expect
      .poll(() => rows.allTextContents(), { timeout: 60_000 })
      .toContain('Shapes CLIP5 prompts, 20 images');
    if ((await open.getAttribute('aria-expanded')) === 'false') await open.click();
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    await page.getByText('Shapes CLIP: nothing was left to measure.').waitFor();
    expect(await pageProblems(page, 'Measuring')).toEqual([]);
    await expect.poll(() => rows.count(), { timeout: 60_000 }).toBe(7);
  });

  test('can be taken along as a page that asks for nothing', async () => {
    const path = join(folder, 'agreement.html');
    await saveDownload(page, page.getByRole('button', { name: 'Download this page' }), path);
    const html = readFileSync(path, 'utf8');
    expect(html.match(/src="data:image\/png;base64/g)).toHaveLength(6);
    expect(html).not.toContain('<script');
    const copy = await studio.context.newPage();
    const requests: string[] = [];
    copy.on('request', (request) => requests.push(request.url()));
    await copy.goto(`file://${path}`);
    expect(await copy.getByRole('table').locator('tbody tr').count()).toBe(7);
    expect(requests.filter((url) => !/^(file|data):/.test(url))).toEqual([]);
    await copy.close();
  });
});

describe('a survey pack', () => {
  test('is made of a score and two metrics', async () => {
    await goTo(page, 'Survey');
    await page.getByRole('checkbox', { name: /^MI as/ }).check();
    await page.getByRole('checkbox', { name: /^Exact score/ }).check();
    await page.getByRole('checkbox', { name: /^Shapes CLIP/ }).check();
    expect(await pageProblems(page, 'Make a pack')).toEqual([]);
    const pack = await savePack(page, join(folder, 'packs', 'metrics.zip'));
    expect(pack.manifest).toMatchObject({ campaign: 'metrics', columns: COLUMNS, rounds: 10 });
    expect(pack.manifest.questions.map(({ prompt }) => prompt)).toEqual(SURVEY_RUN.prompts);
    for (const path of pack.archive.entries.keys()) if (path !== 'survey.json') await readImage(pack, path);
  });

  test('with an address for answers is another one', async () => {
    const { port } = receiver.address() as AddressInfo;
    await page.getByLabel('Address for answers (optional)').fill(`http://127.0.0.1:${port}/answers`);
    await savePack(page, join(folder, 'packs', 'posted.zip'));
    await page.getByLabel('Address for answers (optional)').fill('http://elsewhere.example/');
    await expect.poll(() => page.getByRole('button', { name: 'Download the pack' }).isEnabled()).toBe(true);
    await page.getByRole('button', { name: 'Download the pack' }).click();
    await page.locator('[data-code=survey-invalid]').waitFor();
    await page.getByRole('button', { name: /^Dismiss/ }).click();
  });
});

describe('three surveys by keyboard', () => {
  const answers: AnswerFile[] = [];

  /** Answers every round: the first image, both or none in turn. */
  async function takeSurvey(survey: Page, reloadAt: number): Promise<void> {
    await survey.getByRole('button', { name: 'Start', exact: true }).focus();
    await survey.keyboard.press('Enter');
    const keys = [['1'], ['1', '2'], [], ['2'], ['1', '1']];
    for (const [round, pressed] of keys.entries()) {
      await survey.getByText(`${round + 1} of 5,`).waitFor();
      for (const key of pressed) await survey.keyboard.press(key);
      if (round === reloadAt) {
        const before = [await promptOf(survey), await selected(survey)];
        await survey.reload();
        await survey.getByText(`${round + 1} of 5,`).waitFor();
        expect([await promptOf(survey), await selected(survey)]).toEqual(before);
      }
      await survey.keyboard.press('Enter');
    }
    await survey.getByRole('heading', { name: 'Thank you' }).waitFor();
  }

  test.each([1, 2, 3])('number %i', async (number) => {
    const survey = await studio.context.newPage();
    await survey.setViewportSize(number === 2 ? NARROW : WIDE);
    await survey.goto(`${studio.url}#survey=packs/metrics.zip`);
    await survey.getByRole('button', { name: 'Start', exact: true }).waitFor();
    await takeSurvey(survey, number === 1 ? 2 : -1);
    const path = join(folder, `answer_2024010${number}_120000_000000.csv`);
    await saveDownload(survey, survey.getByRole('button', { name: 'Download the answers' }), path);
    const file = parseAnswers(path, readFileSync(path, 'utf8'));
    expect(file.columns).toEqual(COLUMNS);
    expect(new Set(file.answers.map(({ prompt }) => prompt))).toEqual(new Set(SURVEY_RUN.prompts));
    const counts = file.answers.map(({ selected: flags }) => flags.filter(Boolean).length);
    expect(counts).toEqual([1, 2, 0, 1, 0]);
    answers.push(file);
    // Nothing is left of it: the same link begins anew.
    await survey.reload();
    await survey.getByRole('button', { name: 'Start', exact: true }).waitFor();
    await survey.close();
  });

  test('are counted as they were given', async () => {
    await page.getByRole('button', { name: 'Analyze answers' }).click();
    await page
      .getByLabel('Answer files', { exact: true })
      .setInputFiles([1, 2, 3].map((number) => join(folder, `answer_2024010${number}_120000_000000.csv`)));
    const table = page.getByRole('table');
    const cell = async (row: string) => {
      const [text = ''] = await table.getByRole('row', { name: row }).getByRole('cell').allTextContents();
      // The interval follows.
      return Number(/^\d+\.\d/.exec(text)?.[0]);
    };
    await table.waitFor();
    const given = answers.flatMap((file) => file.answers.map(({ selected: flags }) => flags));
    expect(given).toHaveLength(15);
    const share = (count: number) => Number(((100 * count) / 15).toFixed(1));
    expect(await cell('none')).toBe(share(given.filter((flags) => !flags.includes(true)).length));
    expect(await cell('mi+exact')).toBe(
      share(given.filter(([mi, exact, clip]) => mi && exact && !clip).length),
    );
    expect(await cell('mi, alone or with others')).toBe(share(given.filter(([mi]) => mi).length));
    expect(await page.getByText('Krippendorff').first().textContent()).toContain(
      '45 answers about the images of 5 prompts',
    );
    expect(await pageProblems(page, 'Analyze answers')).toEqual([]);
  });

  test('a file of another campaign is refused and changes nothing', async () => {
    const before = await page.getByRole('table').textContent();
    await page.getByLabel('Answer files', { exact: true }).setInputFiles({
      name: 'answer_1.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('prompt,mi,blip,hps\n"a",True,False,False'),
    });
    await page.locator('[data-code=answers-other-campaign]').waitFor();
    expect(await page.getByRole('table').textContent()).toBe(before);
    await page.getByRole('button', { name: /^Dismiss/ }).click();
  });

  test('answers are sent only after they were seen', async () => {
    const survey = await studio.context.newPage();
    await survey.goto(`${studio.url}#survey=packs/posted.zip`);
    await survey.getByRole('button', { name: 'Start', exact: true }).waitFor();
    expect(await pageProblems(survey, 'Welcome')).toEqual([]);
    await takeSurvey(survey, -1);
    const shown = (await survey.getByRole('region', { name: 'Your answers' }).textContent()) ?? '';
    expect(shown).toContain('prompt,mi,exact');
    expect(await pageProblems(survey, 'Answers')).toEqual([]);
    expect(received).toEqual([]);
    await survey.getByRole('button', { name: 'Send the answers' }).click();
    await survey.getByRole('button', { name: 'Sent' }).waitFor();
    expect(received).toHaveLength(1);
    expect(received[0]).toMatch(/^POST /);
    expect(received[0]?.replaceAll('\r\n', '\n')).toContain(shown);
    await survey.close();
  });

  test('a round is accessible and fits', async () => {
    const survey = await studio.context.newPage();
    await survey.goto(`${studio.url}#survey=packs/metrics.zip`);
    await survey.getByRole('button', { name: 'Start', exact: true }).click();
    await survey.getByText('1 of 5,').waitFor();
    await survey.keyboard.press('2');
    expect(await pageProblems(survey, 'Round')).toEqual([]);
    await survey.close();
  });
});

test('a survey that was left lies in this browser until it is deleted', async () => {
  await goTo(page, 'Storage');
  const section = page.getByRole('region', { name: 'Surveys under way' });
  const item = section.getByRole('listitem', { name: 'Which images fit the prompt?, 0 of 5 rounds' });
  await item.waitFor();
  expect(await item.textContent()).toMatch(/\d+(\.\d+)? [KM]B/);
  expect(await pageProblems(page, 'Storage')).toEqual([]);
  await item.getByRole('button', { name: /^Delete/ }).click();
  await page
    .getByRole('alertdialog')
    .getByRole('button', { name: /^Delete/ })
    .click();
  await item.waitFor({ state: 'detached' });
  const survey = await studio.context.newPage();
  await survey.goto(`${studio.url}#survey=packs/metrics.zip`);
  await survey.getByRole('button', { name: 'Start', exact: true }).waitFor();
  await survey.close();
});

describe('what comes from strangers', () => {
  test('a link to another server asks nothing of it before a click', async () => {
    const survey = await studio.context.newPage();
    const requests: string[] = [];
    survey.on('request', (request) => requests.push(request.url()));
    await survey.goto(`${studio.url}#survey=https://elsewhere.example/pack.zip`);
    await survey.getByRole('button', { name: 'Open the survey from elsewhere.example' }).waitFor();
    expect(requests.filter((url) => !url.startsWith(studio.url))).toEqual([]);
    await survey.close();
  });

  test.each([
    ['javascript:alert(1)', 'survey-address'],
    ['packs/missing.zip', 'url-not-found'],
    ['index.html', 'zip-unreadable'],
  ])('the link %s is refused with a reason', async (address, code) => {
    const survey = await studio.context.newPage();
    await survey.goto(`${studio.url}#survey=${encodeURIComponent(address)}`);
    await survey.locator(`[data-code=${code}]`).waitFor();
    await survey.close();
  });

  test('a pack that is dropped on the studio opens there', async () => {
    const bytes = [...readFileSync(join(folder, 'packs', 'metrics.zip'))];
    const transfer = await page.evaluateHandle((numbers) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(numbers)], 'metrics.zip'));
      return data;
    }, bytes);
    for (const type of ['dragenter', 'dragover', 'drop'])
      await page.dispatchEvent('main', type, { dataTransfer: transfer });
    await page.getByRole('main').getByRole('button', { name: 'Start', exact: true }).waitFor();
    expect(await page.getByRole('heading', { level: 1, name: 'Which images fit the prompt?' }).count()).toBe(
      1,
    );
  });
});

test('nothing went wrong unseen', () => {
  // The browser itself prints that a file is missing.
  expect(printed.filter((text) => !text.includes('packs/missing.zip'))).toEqual([]);
});
