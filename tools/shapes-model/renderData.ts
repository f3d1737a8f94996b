/**
 * Renders training data: `node tools/run.mjs tools/shapes-model/renderData.ts --out DIR [--count N] [--captions K]
 * [--seed S] [--shard N] [--only CATEGORY] [--pairs]`.
 *
 * Writes shards `images-00000.u8` (count x 64 x 64 x 3 bytes) and `captions-00000.json` (per image a list of K
 * captions; an empty string is a dropped one), `objects-00000.json` (per image the [shape, color] of its objects) and,
 * last, `data.json`. With `--pairs` the captions of an image are a true one and one with a mistake, for CLIP. Image i
 * depends on seed + i alone, and finished shards are kept, so the command can be stopped and repeated.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CAPTION_SHARES, captionScene, trueCaption, wrongCaption } from '../../src/shapes/captions.ts';
import { promptText } from '../../src/shapes/parse.ts';
import { type Draws, makeDraws, STREAMS } from '../../src/shapes/random.ts';
import { renderScene } from '../../src/shapes/render.ts';
import { CATEGORIES, IMAGE_SIZE, type Scene } from '../../src/shapes/world.ts';
import { drawTrainingScene, MIXTURE } from './mixture.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    count: { type: 'string', default: '120000' },
    captions: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1000000' },
    shard: { type: 'string', default: '10000' },
    only: { type: 'string' },
    pairs: { type: 'boolean', default: false },
  },
});
if (values.out === undefined) throw new Error('Say where to write: --out DIR');
const [count, captionCount, seed, shardSize] = [values.count, values.captions, values.seed, values.shard].map(
  Number,
) as [number, number, number, number];

function writeWhole(path: string, content: Uint8Array | string): void {
  writeFileSync(`${path}.part`, content);
  renameSync(`${path}.part`, path);
}

/** One entry per caption of an image. */
const captioners = values.pairs
  ? [trueCaption, wrongCaption]
  : Array.from({ length: captionCount }, () => (scene: Scene, draws: Draws) => captionScene(scene, draws));

const only = CATEGORIES.find((name) => name === values.only);
mkdirSync(values.out, { recursive: true });
const bytesPerImage = IMAGE_SIZE * IMAGE_SIZE * 3;
let captionsWritten = 0;
let wrong = 0;
for (let start = 0; start < count; start += shardSize) {
  const name = String(start).padStart(6, '0');
  const captionPath = join(values.out, `captions-${name}.json`);
  if (existsSync(captionPath)) continue;
  const size = Math.min(shardSize, count - start);
  const images = new Uint8Array(size * bytesPerImage);
  const captions: string[][] = [];
  const objects: [string, string][][] = [];
  for (let i = 0; i < size; i += 1) {
    const scene = drawTrainingScene(makeDraws(seed + start + i, STREAMS.scenes), only);
    images.set(renderScene(scene), i * bytesPerImage);
    objects.push(scene.objects.map(({ shape, color }) => [shape, color]));
    const draws = makeDraws(seed + start + i, STREAMS.captions);
    const drawn = captioners.map((caption) => caption(scene, draws));
    captionsWritten += drawn.length;
    wrong += drawn.filter((caption) => caption.mistakes.length > 0).length;
    captions.push(
      drawn.map((caption) => (caption.prompt.objects.length === 0 ? '' : promptText(caption.prompt))),
    );
  }
  writeWhole(join(values.out, `images-${name}.u8`), images);
  writeWhole(join(values.out, `objects-${name}.json`), JSON.stringify(objects));
  writeWhole(captionPath, JSON.stringify(captions));
  console.log(
    `${start + size} of ${count} images; share of wrong captions ${(wrong / captionsWritten).toFixed(3)}`,
  );
}
writeWhole(
  join(values.out, 'data.json'),
  JSON.stringify({
    count,
    captions: captioners.length,
    seed,
    shard: shardSize,
    mixture: MIXTURE,
    mistakes: values.pairs ? 'a true one and one with a mistake' : CAPTION_SHARES,
  }),
);
