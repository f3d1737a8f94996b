// Scores that need no network of ours: UniDet's rule on boxes of any detector, and T2I-CompBench's 3-in-1.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { writeCsv } from '../../src/formats/csv.ts';
import { decodePng } from '../../src/formats/png.ts';
import { forRule, parseDetections } from '../../src/metrics/spatial/coco.ts';
import { alwaysZero, taggedWords } from '../../src/metrics/spatial/promptObjects.ts';
import { scoreSpatial } from '../../src/metrics/spatial/unidetRule.ts';
import { complexGroup, threeInOne } from '../../src/metrics/t2i/complexPrompts.ts';
import { parseScores, scoreOf } from '../../src/metrics/t2i/elsewhere.ts';
import { categoryMean, RESULT_FOLDERS, writeResults } from '../../src/metrics/t2i/results.ts';
import { usageError } from '../lib/usage.ts';
import type { PromptedFolder } from './folder.ts';

type Row = { readonly fileName: string; readonly prompt: string; readonly value: number };

/** @param file COCO's JSON; boxes in pixels of the pictures */
export async function scoreDetections(
  { folder, images, benchmark }: PromptedFolder,
  file: string,
  { out, complex }: { readonly out: string; readonly complex: boolean },
): Promise<void> {
  const detections = parseDetections(readJson(file), file);
  const rows: Row[] = [];
  const hopeless = new Set<string>();
  for (const { fileName, prompt } of images) {
    const { width, height } = await decodePng(readFileSync(join(folder, fileName)), fileName);
    const found = detections.get(fileName) ?? detections.get(basename(fileName)) ?? [];
    const words = await taggedWords(prompt);
    const score = scoreSpatial(prompt, words, forRule(found, { width, height }), { complex });
    if (alwaysZero(score.objects, score.locality)) hopeless.add(prompt);
    rows.push({ fileName, prompt, value: score.score });
  }
  write(rows, 'unidet', { out, folder: benchmark ? RESULT_FOLDERS.unidet : null });
  if (hopeless.size > 0) {
    console.log(
      `${hopeless.size} prompts always score 0: an object is none of UniDet's 722 labels, or the rule has no such place.`,
    );
  }
  console.log(`The rule is UniDet's; the boxes are those of ${basename(file)}.`);
}

/**
 * From scores-blip-vqa.csv, scores-unidet.csv and scores-clip.csv in the folder of results. Where there is no
 * scores-unidet.csv but a scores-unidet-style.csv, the outcome is called 3-in-1-style.
 */
export function scoreThreeInOne({ images, benchmark }: PromptedFolder, out: string): void {
  const hasUnidet = existsSync(join(out, 'scores-unidet.csv'));
  const isStyle = !hasUnidet && existsSync(join(out, 'scores-unidet-style.csv'));
  const read = (name: string): Scores => {
    const path = join(out, `scores-${name}.csv`);
    if (!existsSync(path)) throw usageError(`3-in-1 needs ${path}: score the folder by ${name} first.`);
    const [score] = parseScores(readFileSync(path, 'utf8'), path).filter((one) => one.name === name);
    if (score === undefined) throw usageError(`${path} has no column ${name}.`);
    return score;
  };
  const [blipVqa, unidet, clip] = [read('blip-vqa'), read(isStyle ? 'unidet-style' : 'unidet'), read('clip')];
  const rows: Row[] = [];
  let outside = 0;
  for (const { fileName, prompt, sha256 } of images) {
    const group = complexGroup(prompt);
    const [b, u, c] = [blipVqa, unidet, clip].map((score) => scoreOf(score, { fileName, hashes: [sha256] }));
    // The detector in UniDet's place is silent where a prompt names no place; UniDet's rule says 0 there.
    const spatial = u ?? (isStyle ? 0 : null);
    if (group === null || b == null || spatial === null || c == null) outside += 1;
    else rows.push({ fileName, prompt, value: threeInOne({ blipVqa: b, unidet: spatial, clip: c }, group) });
  }
  const folder = benchmark && outside === 0 && !isStyle ? RESULT_FOLDERS.threeInOne : null;
  write(rows, isStyle ? '3-in-1-style' : '3-in-1', { out, folder });
  if (outside > 0)
    console.log(
      `${outside} images are left out: their prompts are none of the benchmark's, or a score is missing.`,
    );
  if (isStyle) console.log('The spatial part is UniDet-style: compare these numbers with each other only.');
}

type Scores = ReturnType<typeof parseScores>[number];

function write(
  rows: readonly Row[],
  name: string,
  { out, folder }: { out: string; folder: string | null },
): void {
  mkdirSync(out, { recursive: true });
  const csv = writeCsv(
    ['file_name', 'prompt', name],
    rows.map(({ fileName, prompt, value }) => [fileName, prompt, value]),
  );
  writeFileSync(join(out, `scores-${name}.csv`), csv);
  console.log(`Mean of ${rows.length} images: ${categoryMean(rows.map(({ value }) => value)).toFixed(6)}`);
  if (folder === null) return;
  mkdirSync(join(out, folder), { recursive: true });
  const results = rows.map(({ value }, questionId) => ({ questionId, answer: value }));
  writeFileSync(join(out, folder, 'vqa_result.json'), writeResults(results, null));
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw usageError(`${file} cannot be read: ${error instanceof Error ? error.message : error}.`);
  }
}
