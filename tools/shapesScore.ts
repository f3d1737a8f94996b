/**
 * Scores a folder of images of the shapes world: `npm run shapes:score -- DIR [--json FILE] [--worst N]`.
 *
 * DIR holds 64 x 64 PNGs and a metadata.jsonl (file_name, text). Prints the share of claims that hold and the strict
 * score with 95% intervals, per category; `--json` writes every verdict. Prompts outside the grammar are counted and
 * left out.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseImageFolder } from '../src/formats/imageFolder.ts';
import { decodePng } from '../src/formats/png.ts';
import { StudioError } from '../src/lib/errors.ts';
import { wilsonInterval } from '../src/lib/stats.ts';
import { parsePrompt } from '../src/shapes/parse.ts';
import { type ExactScore, scoreImage } from '../src/shapes/score.ts';
import { categoryOf } from '../src/shapes/splits.ts';
import { IMAGE_SIZE } from '../src/shapes/world.ts';

const USAGE = 'Usage: npm run shapes:score -- DIR [--json FILE] [--worst N]';

type Scored = ExactScore & { readonly file: string; readonly text: string; readonly category: string };

async function scoreFolder(folder: string): Promise<{ scored: Scored[]; outside: number }> {
  const path = join(folder, 'metadata.jsonl');
  const scored: Scored[] = [];
  let outside = 0;
  for (const { fileName, text } of parseImageFolder(path, readFileSync(path, 'utf8'))) {
    const prompt = parsePrompt(text);
    if (prompt === null) {
      outside += 1;
      continue;
    }
    const image = await decodePng(readFileSync(join(folder, fileName)), fileName);
    if (image.width !== IMAGE_SIZE || image.height !== IMAGE_SIZE) {
      const size = `${image.width} x ${image.height}`;
      throw new StudioError('shapes-image-size', `${fileName} has ${size} pixels, not 64 x 64.`, {
        remedy: 'Score images of the shapes model only, without resizing them.',
      });
    }
    const score = scoreImage(image.rgb, text);
    if (score !== null) scored.push({ ...score, file: fileName, text, category: categoryOf(prompt) });
  }
  return { scored, outside };
}

function reportRow(name: string, scored: readonly Scored[]): string {
  const strict = scored.filter((one) => one.strict).length;
  const share = scored.reduce((sum, one) => sum + one.share, 0) / scored.length;
  const { low, high } = wilsonInterval(strict, scored.length, 0.95);
  const interval = `${low.toFixed(3)}-${high.toFixed(3)}`;
  return `${name.padEnd(12)} ${String(scored.length).padStart(6)} ${share.toFixed(3)} ${(strict / scored.length).toFixed(3)} (${interval})`;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      worst: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  const folder = positionals[0];
  if (folder === undefined || values.help) {
    console.log(USAGE);
    if (!values.help) process.exitCode = 1;
    return;
  }
  const { scored, outside } = await scoreFolder(folder);
  console.log('category     images share strict (95% interval)');
  for (const category of [...new Set(scored.map((one) => one.category))].sort()) {
    console.log(
      reportRow(
        category,
        scored.filter((one) => one.category === category),
      ),
    );
  }
  if (scored.length > 0) console.log(reportRow('all', scored));
  if (outside > 0) console.log(`${outside} prompts are outside the grammar and were left out`);
  const byShare = [...scored].sort((a, b) => a.share - b.share);
  for (const one of byShare.slice(0, Number(values.worst))) {
    const failed = one.claims.filter((claim) => !claim.holds).map((claim) => claim.claim);
    console.log(`${one.file} ${one.share.toFixed(2)} ${one.text}: not ${failed.join(', ')}`);
  }
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(scored, null, 1));
}

await main();
