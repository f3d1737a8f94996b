/**
 * Renders images that show their prompts: `node tools/run.mjs tools/shapesRender.ts --out DIR [--split test]
 * [--category mixed] [--count 200] [--seed 0]`. Writes PNGs and metadata.jsonl.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeImageFolder } from '../src/formats/imageFolder.ts';
import { encodePng } from '../src/formats/png.ts';
import { promptText } from '../src/shapes/parse.ts';
import { samplePrompts } from '../src/shapes/prompts.ts';
import { makeDraws, STREAMS } from '../src/shapes/random.ts';
import { renderScene } from '../src/shapes/render.ts';
import { sampleScene } from '../src/shapes/scene.ts';
import { SPLITS } from '../src/shapes/splits.ts';
import { CATEGORIES, IMAGE_SIZE } from '../src/shapes/world.ts';
import { usageError } from './lib/usage.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    split: { type: 'string', default: 'test' },
    category: { type: 'string', default: 'mixed' },
    count: { type: 'string', default: '200' },
    seed: { type: 'string', default: '0' },
  },
});
const split = SPLITS.find((name) => name === values.split);
const category = [...CATEGORIES, 'mixed' as const].find((name) => name === values.category);
if (values.out === undefined || split === undefined || category === undefined) {
  throw usageError(
    `Give --out DIR, --split as one of ${SPLITS.join(', ')} and --category as one of ${CATEGORIES.join(', ')}, mixed.`,
  );
}
const seed = Number(values.seed);
const rows: { fileName: string; text: string }[] = [];
mkdirSync(values.out, { recursive: true });
for (const [index, prompt] of samplePrompts(split, category, Number(values.count), seed).entries()) {
  const scene = sampleScene(prompt, makeDraws(seed + index, STREAMS.scenes), { avoidUnseen: false });
  if (scene === null) continue;
  const fileName = `${String(index).padStart(5, '0')}.png`;
  writeFileSync(join(values.out, fileName), await encodePng(renderScene(scene), IMAGE_SIZE, IMAGE_SIZE));
  rows.push({ fileName, text: promptText(prompt) });
}
writeFileSync(join(values.out, 'metadata.jsonl'), writeImageFolder(rows));
console.log(`${rows.length} images in ${values.out}`);
