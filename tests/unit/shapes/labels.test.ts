import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { decodePng } from '../../../src/formats/png.ts';
import { scoreImage } from '../../../src/shapes/score.ts';
import { IMAGE_SIZE } from '../../../src/shapes/world.ts';

const COLUMNS = 20;
const labels = JSON.parse(readFileSync('tests/golden/shapesLabels.json', 'utf8')) as {
  prompt: string;
  strict: boolean;
  /** What another labeler says, who knew nothing of the scorer. */
  second?: boolean;
}[];
const sheet = await decodePng(readFileSync('tests/golden/shapesLabels.png'), 'shapesLabels.png');

/** Image `index` of the sheet, row by row. */
function tile(index: number): Uint8Array {
  const left = (index % COLUMNS) * IMAGE_SIZE;
  const top = Math.floor(index / COLUMNS) * IMAGE_SIZE;
  const rgb = new Uint8Array(IMAGE_SIZE * IMAGE_SIZE * 3);
  for (let y = 0; y < IMAGE_SIZE; y += 1) {
    const from = ((top + y) * sheet.width + left) * 3;
    rgb.set(sheet.rgb.subarray(from, from + IMAGE_SIZE * 3), y * IMAGE_SIZE * 3);
  }
  return rgb;
}

// Each set of another model or labeler; the last two were never looked at to mend the scorer.
test.each([0, 200, 400, 600])(
  'agrees with labels by eye on 95% of 200 generated images, from number %d',
  (first) => {
    const set = labels.slice(first, first + 200);
    const scores = set.map(({ prompt }, i) => scoreImage(tile(first + i), prompt)?.strict);
    const labelers = [set.map(({ strict }) => strict), set.map(({ second }) => second)];
    for (const given of labelers.filter((list) => !list.includes(undefined))) {
      const agreed = scores.filter((strict, i) => strict === given[i]);
      expect(agreed.length / 200).toBeGreaterThanOrEqual(0.95);
    }
  },
  120_000,
);
