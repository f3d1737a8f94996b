// To and from T2I-CompBench's own scripts: images under its names, and its result files as a table of scores.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { writeCsv } from '../../src/formats/csv.ts';
import { categoryMean, imageName, parseResults, RESULT_FOLDERS } from '../../src/metrics/t2i/results.ts';
import { usageError } from '../lib/usage.ts';
import type { PromptedFolder } from './folder.ts';

/** Under which name the results of a folder count here; those of another folder are called after it. */
const NAMES: Readonly<Record<string, string>> = {
  [RESULT_FOLDERS.blipVqa]: 'blip-vqa',
  [RESULT_FOLDERS.unidet]: 'unidet',
  [RESULT_FOLDERS.clip]: 'clip',
  [RESULT_FOLDERS.threeInOne]: '3-in-1',
};

/** @throws StudioError `t2i-name` for a prompt that the benchmark's names cannot hold */
export function copyAsBenchmark({ folder, images }: PromptedFolder, out: string): void {
  const samples = join(out, 'samples');
  const named = images.map(({ fileName, prompt }, i) => {
    if (!/\.png$/i.test(fileName)) throw usageError(`${fileName} is no PNG, as the benchmark's images are.`);
    return { from: join(folder, fileName), to: join(samples, imageName(prompt, i)) };
  });
  const taken = named.find(({ to }) => existsSync(to));
  if (taken !== undefined) throw usageError(`${taken.to} is there already: name a new folder.`);
  mkdirSync(samples, { recursive: true });
  for (const { from, to } of named) copyFileSync(from, to);
  console.log(`${samples}: ${named.length} images.`);
}

/** Answers are numbered along the images in the benchmark's order; the table also has each image's SHA-256. */
export function takeResults({ images, benchmark }: PromptedFolder, file: string, out: string): void {
  if (!benchmark)
    throw usageError(
      'Results are numbered along images with the benchmark’s names, such as "a red cat_000000.png".',
    );
  if (!existsSync(file)) throw usageError(`There is no file ${file}.`);
  const rows = parseResults(readFileSync(file, 'utf8'), file);
  const answers = new Map(rows.map(({ questionId, answer }) => [questionId, answer]));
  const stray = rows.find(({ questionId }) => questionId >= images.length);
  if (stray !== undefined)
    throw usageError(`${file} answers number ${stray.questionId}, and there are ${images.length} images.`);
  const parent = basename(dirname(file));
  const name = NAMES[parent] ?? parent;
  mkdirSync(out, { recursive: true });
  const csv = writeCsv(
    ['file_name', 'sha256', 'prompt', name],
    images.map(({ fileName, sha256, prompt }, i) => [fileName, sha256, prompt, answers.get(i) ?? null]),
  );
  const path = join(out, `scores-${name}.csv`);
  writeFileSync(path, csv);
  console.log(
    `${path}: ${rows.length} of ${images.length} images, mean ${categoryMean([...answers.values()]).toFixed(6)}`,
  );
}
