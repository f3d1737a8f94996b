/**
 * What unconditional samples show: `node tools/run.mjs tools/shapes-model/marginals.ts DIR`.
 *
 * DIR holds PNGs and a metadata.jsonl. Prints the share of images with at least one valid object (a shape that fits),
 * and the total variation distance of color and shape frequencies from the training scenes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodePng } from '../../src/formats/png.ts';
import { makeDraws, STREAMS } from '../../src/shapes/random.ts';
import { findWitnesses } from '../../src/shapes/score.ts';
import { drawTrainingScene } from './mixture.ts';

const REFERENCE_SCENES = 3000;
const REFERENCE_SEED = 500_000;

type Frequencies = Map<string, number>;

function frequencies(names: readonly string[]): Frequencies {
  const counts: Frequencies = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1 / names.length);
  return counts;
}

/** Half the sum of absolute differences. */
function totalVariation(a: Frequencies, b: Frequencies): number {
  const names = new Set([...a.keys(), ...b.keys()]);
  return [...names].reduce((sum, name) => sum + Math.abs((a.get(name) ?? 0) - (b.get(name) ?? 0)), 0) / 2;
}

const folder = process.argv[2];
if (folder === undefined) throw new Error('Usage: node tools/run.mjs tools/shapes-model/marginals.ts DIR');
const files = readdirSync(folder).filter((name) => name.endsWith('.png'));
const shapes: string[] = [];
const colors: string[] = [];
let valid = 0;
for (const name of files) {
  const { rgb } = await decodePng(readFileSync(join(folder, name)), name);
  const objects = findWitnesses(rgb).filter((witness) => witness.shape !== null);
  if (objects.length > 0) valid += 1;
  for (const object of objects) {
    shapes.push(object.shape ?? '');
    colors.push(object.color);
  }
}
const reference = Array.from({ length: REFERENCE_SCENES }, (_, i) =>
  drawTrainingScene(makeDraws(REFERENCE_SEED + i, STREAMS.scenes)),
).flatMap((scene) => scene.objects);
const shapeDistance = totalVariation(
  frequencies(shapes),
  frequencies(reference.map((object) => object.shape)),
);
const colorDistance = totalVariation(
  frequencies(colors),
  frequencies(reference.map((object) => object.color)),
);
console.log(`${files.length} images, with a valid object: ${(valid / files.length).toFixed(3)}`);
console.log(`total variation of shapes ${shapeDistance.toFixed(3)}, of colors ${colorDistance.toFixed(3)}`);
