/**
 * How a shapes model fails, beside Stable Diffusion 2.1: `npm run shapes:profile -- [DIR] [--prompts 100] [--images 4]
 * [--guidance G] [--steps S] [--split val] [--workers 1] [--json FILE]`.
 *
 * DIR is a model folder in the layout of diffusers, by default the one that the page starts with. Its images are drawn by
 * the page's own sampler in a headless Chromium, at the demo's guidance and steps unless said otherwise, and looked at by
 * the exact scorer.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { presetSettings } from '../src/contract/presets.ts';
import { wilsonInterval } from '../src/lib/stats.ts';
import { parsePrompt, promptText } from '../src/shapes/parse.ts';
import { ASKED_BY_TASK, type ProfiledImage, type ProfileRow, profileOf } from '../src/shapes/profile.ts';
import { samplePrompts } from '../src/shapes/prompts.ts';
import { SPLITS } from '../src/shapes/splits.ts';
import { type Category, SHAPES } from '../src/shapes/world.ts';
import { usageError } from './lib/usage.ts';
import { MODEL_FOLDER } from './study/models.ts';
import type { DrawnImage, DrawResult } from './study/protocol.ts';
import { openWorkers, type Worker } from './study/workers.ts';

const SEED = 31;
const { sampling } = presetSettings('demo');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prompts: { type: 'string', default: '100' },
    images: { type: 'string', default: '4' },
    guidance: { type: 'string', default: String(sampling.guidance) },
    steps: { type: 'string', default: String(sampling.steps) },
    split: { type: 'string', default: 'val' },
    workers: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const split = SPLITS.find((name) => name === values.split);
if (split === undefined) throw usageError(`--split takes one of ${SPLITS.join(', ')}.`);
const [prompts, images, guidance, steps, workerCount] = [
  values.prompts,
  values.images,
  values.guidance,
  values.steps,
  values.workers,
].map(Number) as [number, number, number, number, number];
if (![prompts, images, guidance, steps, workerCount].every((value) => value > 0))
  throw usageError('--prompts, --images, --guidance, --steps and --workers take numbers above 0.');
const folder = resolve(positionals[0] ?? MODEL_FOLDER);

const workers = await openWorkers(workerCount, { model: folder, adapters: join(folder, 'no-adapters') });
try {
  const categories = [...new Set(Object.values(ASKED_BY_TASK).map((task) => task.category))];
  const asked = categories.flatMap((category) =>
    samplePrompts(split, category, prompts, SEED).map((prompt) => ({ category, text: promptText(prompt) })),
  );
  const drawn = new Map<Category, ProfiledImage[]>();
  const waiting = [...asked.entries()];
  const work = async (worker: Worker): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, { category, text }] = next;
      const seen = await drawSeen(worker, text, index);
      drawn.set(category, [...(drawn.get(category) ?? []), ...seen]);
    }
  };
  await Promise.all(workers.list.map(work));
  const rows = profileOf(drawn);
  console.log(`${folder}: guidance ${guidance}, ${steps} DDPM steps, ${split} prompts`);
  for (const row of rows) console.log(lineOf(row));
  if (values.json !== undefined) {
    const profile = rows.map(({ task, images: count, successes, share, near }) => ({
      task: task.id,
      images: count,
      successes,
      share,
      near,
    }));
    writeFileSync(values.json, `${JSON.stringify({ guidance, steps, split, profile }, null, 1)}\n`);
  }
} finally {
  await workers.close();
}

async function drawSeen(worker: Worker, text: string, index: number): Promise<ProfiledImage[]> {
  const prompt = parsePrompt(text);
  if (prompt === null) throw new Error(`"${text}" is not a prompt of the shapes world.`);
  const seeds = Array.from({ length: images }, (_, i) => 1000 * index + i);
  const result = (await worker.run({
    kind: 'draw',
    text,
    seeds,
    adapter: null,
    scheduler: 'ddpm',
    steps,
    guidance,
  })) as DrawResult;
  return result.images.map((image) => ({ prompt, objects: seenObjects(image) }));
}

function seenObjects({ objects }: DrawnImage): ProfiledImage['objects'] {
  return objects.flatMap(({ shape: name, color, x, y, radius }) => {
    const shape = SHAPES.find((one) => one === name);
    return shape === undefined ? [] : [{ shape, color, placed: { shape, x, y, radius } }];
  });
}

function lineOf({ task, images: count, successes, share, near }: ProfileRow): string {
  const { low, high } = wilsonInterval(successes, count);
  const reference = [...new Set(task.reference)].map((value) => value.toFixed(2)).join('-');
  const interval = `${share.toFixed(3)} (${low.toFixed(3)}-${high.toFixed(3)})`;
  return `${task.title.padEnd(38)} ${interval}  SD-2.1 on GenEval ${reference.padEnd(9)} ${near ? 'near' : 'FAR'}`;
}
