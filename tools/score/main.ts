// npm run score -- DIR --metric NAME: measures every image of a folder.
//
// The networks run in Chromium, by score/page.ts, which gets the folder and the model from this driver.

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeCsv } from '../../src/formats/csv.ts';
import { StudioError } from '../../src/lib/errors.ts';
import { fourDecimals } from '../../src/metrics/blip/aggregate.ts';
import { nounPhrases } from '../../src/metrics/language/nounPhrases.ts';
import { withoutAdjectives } from '../../src/metrics/language/tagger.ts';
import type { Metric } from '../../src/metrics/metric.ts';
import { METRICS, metricOf } from '../../src/metrics/registry.ts';
import { askedPlaces } from '../../src/metrics/spatial/promptObjects.ts';
import { categoryMean, RESULT_FOLDERS, writeResults } from '../../src/metrics/t2i/results.ts';
import { unidetStyle } from '../../src/metrics/t2iMetrics.ts';
import { HUBS } from '../../src/sources/hubs.ts';
import { type MetricModel, metricFileUrl, metricModel } from '../../src/sources/metricModels.ts';
import { ROOT } from '../lib/dependencies.mjs';
import { launchStudio } from '../lib/launch.ts';
import { serveDirectory } from '../lib/servePlugin.ts';
import { openToolPage } from '../lib/toolPage.ts';
import { usageError } from '../lib/usage.ts';
import { copyAsBenchmark, takeResults } from './exchange.ts';
import { type PromptedFolder, type PromptedImage, readFolder } from './folder.ts';
import type { Told } from './page.ts';
import { scoreDetections, scoreThreeInOne } from './rules.ts';
import { appendLine, cacheKey, type Line, readLines } from './store.ts';

const PATIENCE_MS = 180_000;
const MEASURED = METRICS.filter(({ madeOf }) => madeOf === undefined).map(({ name }) => name);

const USAGE = `Usage: npm run score -- DIR --metric NAME [options]

DIR                     images with a metadata.jsonl (file_name, text), or named as T2I-CompBench does, such as
                        "a red cat_000000.png", there or in DIR/samples
--metric NAME           ${MEASURED.join(', ')}
--model DIR             folder of the metric's model (default: the one that comes with this program, where there is one)
--backend wasm|webgpu   where it runs (default: webgpu)
--weights f16|f32       precision of its matrices (default: f16 on webgpu, f32 on wasm)
--out DIR               where results go (default: DIR)
--write-questions FILE  only writes the noun phrases of all prompts, to be edited
--questions FILE        phrases by prompt that are asked instead of those found (blip-vqa)
--without-adjectives    prompts without adjectives, as T2I-CompBench's CLIPScore of complex prompts
--detections FILE       instead of a metric: UniDet's spatial rule on boxes of any detector, in COCO's JSON
--complex               with --detections: objects around the preposition, as for complex prompts
--three-in-one          instead of a metric: the mean of blip-vqa, unidet (or unidet-style) and clip that a complex
                        prompt needs
--results FILE          instead of a metric: a vqa_result.json of T2I-CompBench's scripts, as scores-NAME.csv
--as-benchmark DIR      only copies the images to DIR/samples under T2I-CompBench's names, for its scripts
--help                  this text

Writes scores-NAME.jsonl line by line; the same command goes on from there, and measures what has changed. At the end
scores-NAME.csv, and for T2I-CompBench's names the vqa_result.json of its scripts.`;

type Options = ReturnType<typeof readOptions>;

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      metric: { type: 'string' },
      model: { type: 'string' },
      backend: { type: 'string', default: 'webgpu' },
      weights: { type: 'string' },
      out: { type: 'string' },
      questions: { type: 'string' },
      'write-questions': { type: 'string' },
      'without-adjectives': { type: 'boolean', default: false },
      detections: { type: 'string' },
      complex: { type: 'boolean', default: false },
      'three-in-one': { type: 'boolean', default: false },
      results: { type: 'string' },
      'as-benchmark': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const [folder, ...others] = positionals;
  if (folder === undefined || others.length > 0) throw usageError('Name one folder of images.');
  const { backend, weights = backend === 'wasm' ? 'f32' : 'f16' } = values;
  if (backend !== 'wasm' && backend !== 'webgpu') throw usageError(`Unknown backend "${backend}".`);
  if (weights !== 'f32' && weights !== 'f16') throw usageError(`Unknown precision "${weights}".`);
  const metric = MEASURED.includes(values.metric ?? '') ? metricOf(values.metric ?? '') : null;
  const { results, detections, 'write-questions': writeTo, 'as-benchmark': copyTo } = values;
  const isRule =
    values['three-in-one'] || [results, detections, writeTo, copyTo].some((given) => given !== undefined);
  if (metric === null && !isRule) {
    throw usageError(`Name a metric: --metric ${MEASURED.join(', ')}.`);
  }
  return {
    folder: resolve(folder),
    metric,
    model: values.model === undefined ? null : resolve(values.model),
    backend,
    weights,
    out: resolve(values.out ?? folder),
    questions: values.questions,
    writeQuestions: writeTo,
    withoutAdjectives: values['without-adjectives'],
    detections,
    complex: values.complex,
    threeInOne: values['three-in-one'],
    results,
    copyTo,
  } as const;
}

async function score(options: NonNullable<Options>): Promise<void> {
  const found = readFolder(options.folder);
  if (options.writeQuestions !== undefined) return writeQuestions(found, options.writeQuestions);
  if (options.detections !== undefined) return scoreDetections(found, options.detections, options);
  if (options.threeInOne) return scoreThreeInOne(found, options.out);
  if (options.results !== undefined) return takeResults(found, resolve(options.results), options.out);
  if (options.copyTo !== undefined) return copyAsBenchmark(found, resolve(options.copyTo));
  const metric = options.metric as Metric;
  const phrases = options.questions === undefined ? null : readPhrases(options.questions);
  const model = metric.network === null ? null : modelFolder(metric, options.model);
  const fingerprint = model === null ? 'pixels' : await hashOfWeights(model);
  const images: (PromptedImage & { readonly asked: string })[] = [];
  for (const image of found.images) {
    const asked = options.withoutAdjectives ? await withoutAdjectives(image.prompt) : image.prompt;
    images.push({ ...image, asked });
  }
  mkdirSync(options.out, { recursive: true });
  const path = join(options.out, `scores-${metric.name}.jsonl`);
  const known = readLines(path);
  const keyOf = ({ sha256, asked }: (typeof images)[number]): string =>
    cacheKey([
      sha256,
      asked,
      metric.name,
      fingerprint,
      options.weights,
      JSON.stringify(phrases?.[asked] ?? null),
    ]);
  const open = images.filter((image) => !known.has(keyOf(image)));
  console.log(`${metric.title}: ${images.length} images, ${images.length - open.length} measured before.`);
  if (open.length > 0) {
    const prefixes = { images: '/score-images/', model: '/score-model/' };
    const plugins = [serveDirectory(prefixes.images, found.folder)];
    if (model !== null) plugins.push(serveDirectory(prefixes.model, model));
    const studio = await launchStudio({ backend: options.backend, from: 'dev', vite: { plugins } });
    try {
      const { page } = studio;
      // The page is built from its sources as it loads, on a machine that may have other things to do.
      page.setDefaultTimeout(PATIENCE_MS);
      page.setDefaultNavigationTimeout(PATIENCE_MS);
      const inPage = async <T>(work: Promise<Told<T>>): Promise<T> => {
        const told = await Promise.race([work, studio.failed]);
        if ('value' in told) return told.value;
        throw new StudioError(told.error.code, told.error.message, told.error);
      };
      await openToolPage(studio, { script: 'tools/score/page.ts', offers: 'measureMetric' });
      const request = {
        metric: metric.name,
        backend: options.backend,
        base: model === null ? null : prefixes.model,
        weights: options.weights,
        phrases,
      };
      await inPage(page.evaluate((asked) => window.openMetric(asked), request));
      const prompts = [...new Set(open.map(({ asked }) => asked))];
      await inPage(page.evaluate((all) => window.prepareMetric(all), prompts));
      for (const [i, image] of open.entries()) {
        const address = prefixes.images + image.fileName.split('/').map(encodeURIComponent).join('/');
        const asked = { address, fileName: image.fileName, prompt: image.asked };
        const reading = await inPage(page.evaluate((one) => window.measureMetric(one), asked));
        const line: Line = {
          key: keyOf(image),
          file_name: image.fileName,
          prompt: image.asked,
          value: reading?.value ?? null,
          ...(reading?.parts === undefined ? {} : { parts: { ...reading.parts } }),
          ...(reading?.asked === undefined ? {} : { asked: reading.asked.map((one) => ({ ...one })) }),
        };
        appendLine(path, line);
        known.set(line.key, line);
        if ((i + 1) % 25 === 0) console.log(`${i + 1} of ${open.length}`);
      }
    } finally {
      await studio.close();
    }
  }
  if (metric.name === unidetStyle.name) await tellHopeless(found);
  report(
    metric,
    found,
    images.map((image) => ({ ...(known.get(keyOf(image)) as Line), file_name: image.fileName })),
    options.out,
  );
}

function report(metric: Metric, found: PromptedFolder, lines: readonly Line[], out: string): void {
  const csv = writeCsv(
    ['file_name', 'prompt', metric.name],
    lines.map(({ file_name, prompt, value }) => [file_name, prompt, value]),
  );
  writeFileSync(join(out, `scores-${metric.name}.csv`), csv);
  const measured = lines.filter(({ value }) => value !== null);
  const mean = categoryMean(measured.map(({ value }) => value as number));
  console.log(`Mean of ${measured.length} images: ${measured.length === 0 ? 'none' : mean.toFixed(6)}`);
  if (measured.length < lines.length)
    console.log(
      `${lines.length - measured.length} images have a prompt that the metric has nothing to say about.`,
    );
  const folder = {
    'blip-vqa': RESULT_FOLDERS.blipVqa,
    'blip-vqa-384': RESULT_FOLDERS.blipVqa,
    clip: RESULT_FOLDERS.clip,
  }[metric.name];
  if (!found.benchmark || folder === undefined) return;
  mkdirSync(join(out, folder), { recursive: true });
  const rows = lines.map(({ value }, questionId) => ({ questionId, answer: value ?? 0 }));
  const decimals = folder === RESULT_FOLDERS.blipVqa ? fourDecimals : null;
  writeFileSync(join(out, folder, 'vqa_result.json'), writeResults(rows, decimals));
}

/** Numbers that a reader might hold against the benchmark's, which has none for these prompts. */
async function tellHopeless({ images }: PromptedFolder): Promise<void> {
  const hopeless = new Set<string>();
  for (const { prompt } of images) if ((await askedPlaces(prompt))?.alwaysZero) hopeless.add(prompt);
  if (hopeless.size > 0) {
    console.log(
      `${hopeless.size} prompts always score 0 with UniDet itself: an object is none of its 722 labels, or the rule has no such place.`,
    );
  }
}

async function writeQuestions({ images }: PromptedFolder, file: string): Promise<void> {
  const prompts = [...new Set(images.map(({ prompt }) => prompt))];
  const rows: [string, readonly string[]][] = [];
  for (const prompt of prompts) rows.push([prompt, await nounPhrases(prompt)]);
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(rows), null, 2)}\n`);
  console.log(`${file}: the noun phrases of ${prompts.length} prompts.`);
}

function readPhrases(file: string): Record<string, string[]> {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw usageError(`${file} cannot be read: ${error instanceof Error ? error.message : error}.`);
  }
  const isTable =
    typeof json === 'object' &&
    json !== null &&
    Object.values(json).every(
      (list) => Array.isArray(list) && list.every((text) => typeof text === 'string'),
    );
  if (!isTable) throw usageError(`${file} must map prompts to lists of phrases.`);
  return json as Record<string, string[]>;
}

function modelFolder(metric: Metric, given: string | null): string {
  const model = metricModel(metric.network?.model ?? '') as MetricModel;
  if (given !== null) {
    if (!existsSync(given)) throw usageError(`There is no folder ${given}.`);
    return given;
  }
  if (model.base !== null) return join(ROOT, 'public', model.base);
  const files = model.files
    .map((file) => `  ${file.path}: ${metricFileUrl(file, HUBS.huggingface)}`)
    .join('\n');
  throw usageError(`${metric.title} needs --model DIR with these files (${model.license.name}):\n${files}\n`);
}

/** The weights decide the numbers: a folder with others has other scores. */
async function hashOfWeights(folder: string): Promise<string> {
  const weights = readdirSync(folder)
    .filter((name) => /\.(safetensors|pt|pth|bin)$/.test(name))
    .sort();
  const hash = createHash('sha256');
  for (const name of weights)
    for await (const piece of createReadStream(join(folder, name))) hash.update(piece);
  return hash.digest('hex');
}

const options = readOptions();
if (options === null) console.log(USAGE);
else await score(options);
