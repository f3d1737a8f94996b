// npm run mitune: the whole job without hands. It drives the very page that users see, in a headless Chromium whose
// profile lies in the output folder, so that a run can be resumed after any interruption.

import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Page } from 'playwright';
import type { ExportName } from '../../src/contract/adapterFiles.ts';
import type { RoundStage } from '../../src/contract/events.ts';
import type { MetricChoice, MiTuneSpec, ModelRef } from '../../src/contract/spec.ts';
import { parsePromptList } from '../../src/formats/promptList.ts';
import { type ErrorReport, StudioError } from '../../src/lib/errors.ts';
import { decodeText } from '../../src/lib/textFile.ts';
import { chosenMethod } from '../../src/methods/registry.ts';
import { BUILT_IN_MODEL } from '../../src/sources/catalog.ts';
import { launchStudio, type Studio } from '../lib/launch.ts';
import { usageError } from '../lib/usage.ts';
import { collectAdapter, saveDownload } from './adapterFiles.ts';
import { helpText, type MiTuneOptions, readOptions } from './options.ts';
import { alerts, chooseRealImages, follow, openPage, start } from './pageDriver.ts';
import { unzip } from './unzip.ts';

const MODEL_MOUNT = 'model/';
/** What a run needs to be found again: browsers keep storage by address, so the port stays the same. */
type Place = {
  readonly port: number;
  readonly model: string | null;
  /** Folders of the models of metrics, by name; absent in places of earlier versions. */
  readonly metrics?: Readonly<Record<string, string>>;
};

/** Where the page finds the model of a metric that was named with a folder. */
function metricMount(name: string): string {
  return `metric-${name}/`;
}

async function main(options: MiTuneOptions): Promise<boolean> {
  const out = resolve(options.out);
  const stateFolder = join(out, '.mi-tune');
  const placeFile = join(stateFolder, 'place.json');
  const known: Place | null = existsSync(placeFile)
    ? (JSON.parse(readFileSync(placeFile, 'utf8')) as Place)
    : null;
  if (options.resume && known === null) throw usageError(`There is no run to resume in ${out}.`);
  if (!options.resume && known !== null) {
    throw usageError(`${out} already holds a run. Go on with it with --resume, or name another folder.`);
  }
  const model = options.resume ? (known?.model ?? null) : options.model;
  const metrics = options.resume ? (known?.metrics ?? {}) : metricFolders(options);
  const spec = options.resume ? null : newSpec(options, model);
  mkdirSync(stateFolder, { recursive: true });
  const studio = await launchStudio({
    backend: options.spec.backend,
    userDataDir: join(stateFolder, 'profile'),
    port: known?.port ?? 0,
    mounts: {
      ...(isFolder(model) ? { [`/${MODEL_MOUNT}`]: resolve(model) } : {}),
      ...Object.fromEntries(
        Object.entries(metrics).map(([name, folder]) => [`/${metricMount(name)}`, folder]),
      ),
    },
    onConsole: (kind, text) => {
      if (kind === 'error') console.error(`[page] ${text}`);
    },
  });
  try {
    const port = Number(new URL(studio.url).port);
    if (known !== null && port !== known.port)
      throw new Error(`Port ${known.port} is in use; the run can only be resumed there.`);
    writeFileSync(placeFile, JSON.stringify({ port, model, metrics } satisfies Place));
    if (spec === null) await reopen(studio);
    else {
      try {
        await begin(studio, spec, options, out);
      } catch (error) {
        // Nothing was begun, so the folder stays free for the corrected call.
        rmSync(placeFile);
        throw error;
      }
    }
    return await drive(studio, options, out);
  } catch (error) {
    if (error instanceof StudioError) throw error;
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new StudioError('browser-gone', `The browser stopped: ${reason}.`, {
      remedy: `What is complete is kept; continue with --resume --out ${options.out}`,
      cause: error,
    });
  } finally {
    await studio.close();
  }
}

function newSpec(options: MiTuneOptions, model: string | null): MiTuneSpec {
  const path = options.prompts as string;
  if (!existsSync(path) || !statSync(path).isFile()) throw usageError(`There is no prompt list ${path}.`);
  for (const folder of [isFolder(model) ? model : null, options.realImages?.folder ?? null]) {
    if (folder !== null && !existsSync(folder)) throw usageError(`There is no folder ${folder}.`);
  }
  const { prompts, duplicates, warnings } = parsePromptList(basename(path), decodeText(readFileSync(path)));
  for (const warning of warnings) console.log(`Note: ${warning}`);
  console.log(
    `${prompts.length} prompts${duplicates.length > 0 ? `, ${duplicates.length} texts more than once` : ''}.`,
  );
  const ref: ModelRef = {
    kind: 'url',
    base: model === null ? BUILT_IN_MODEL : isFolder(model) ? MODEL_MOUNT : model,
  };
  const metrics = options.metrics.map(
    ({ name, folder }): MetricChoice => ({
      name,
      model: folder === null ? null : { kind: 'url', base: metricMount(name) },
    }),
  );
  return {
    ...options.spec,
    model: ref,
    prompts: prompts.map((p) => p.text),
    realImages: null,
    ...(metrics.length === 0 ? {} : { metrics }),
  };
}

/** @throws StudioError for folders that are not there */
function metricFolders({ metrics }: MiTuneOptions): Record<string, string> {
  const named = metrics.flatMap(({ name, folder }) =>
    folder === null ? [] : [[name, resolve(folder)] as const],
  );
  for (const [, folder] of named) if (!existsSync(folder)) throw usageError(`There is no folder ${folder}.`);
  return Object.fromEntries(named);
}

function isFolder(model: string | null): model is string {
  return model !== null && !/^https?:/.test(model);
}

/** Loads the page and gives it the run. @throws Error with the page's complaint */
async function begin(studio: Studio, spec: MiTuneSpec, options: MiTuneOptions, out: string): Promise<void> {
  const { page } = studio;
  await openPage(studio);
  const runFile = join(out, 'run.json');
  writeFileSync(runFile, `${JSON.stringify(spec, null, 1)}\n`);
  await page.getByLabel('Run file').first().setInputFiles(runFile);
  if (options.realImages !== null) await chooseRealImages(page, options.realImages);
  await watched(studio, start(page));
}

/** Loads the page and goes on with the run that it keeps. */
async function reopen(studio: Studio): Promise<void> {
  const { page } = studio;
  await openPage(studio);
  const resumable = page.getByRole('button', { name: /^Continue / }).first();
  const finished = page.getByRole('button', { name: /^Open / }).first();
  await watched(studio, resumable.or(finished).first().waitFor());
  await ((await resumable.count()) > 0 ? resumable : finished).click();
}

function watched<T>(studio: Studio, work: Promise<T>): Promise<T> {
  return Promise.race([work, studio.failed]);
}

/** Waits for the run and fetches its results; true when it is done. */
async function drive(studio: Studio, options: MiTuneOptions, out: string): Promise<boolean> {
  const { page } = studio;
  const done = await watched(studio, follow(page));
  if (!done) {
    for (const text of await alerts(page)) console.error(`\n${text}`);
    console.error(`\nThe run stopped. What is complete is kept; continue with --resume --out ${options.out}`);
  }
  await watched(studio, collect(page, out, { done, exports: options.exports }));
  return done;
}

/** Downloads what the run has, as a user would. */
async function collect(
  page: Page,
  out: string,
  { done, exports }: { done: boolean; exports: readonly ExportName[] },
): Promise<void> {
  const link = page.getByRole('navigation').getByText('Download', { exact: true });
  // Without an open run there is nothing to fetch.
  if ((await link.count()) === 0) return;
  await link.click();
  const report = await saveDownload(page, 'Download report', out, 'report.json');
  const stages = readReport(report);
  console.log(`wrote ${report}`);
  for (const [name, file] of [
    ['Download scores', 'scores.csv'],
    ['Download set', 'set.zip'],
  ] as const) {
    if (!(await page.getByRole('button', { name, exact: true }).isEnabled())) {
      const expected = file !== 'set.zip' || stages.includes('select');
      if (done && expected) throw new Error(`"${name}" is not available although the run is done.`);
      continue;
    }
    const path = await saveDownload(page, name, out, file);
    if (file !== 'set.zip') console.log(`wrote ${path}`);
    else {
      const files = await unzip(new Uint8Array(readFileSync(path)), out);
      console.log(`wrote ${files.length} files of the set to ${out}`);
    }
  }
  const found = await collectAdapter(page, out, exports);
  if (done && !found && stages.includes('train'))
    throw new Error('There is no adapter although the run is done.');
}

/**
 * Prints what a user has to know of the result, such as that no checkpoint was better than the start.
 * @returns the stages of the run's method
 */
function readReport(path: string): readonly RoundStage[] {
  const { warnings, config, candidates, stoppedEarly } = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly warnings: readonly ErrorReport[];
    readonly config: MiTuneSpec;
    readonly candidates: readonly unknown[];
    readonly stoppedEarly: readonly unknown[];
  };
  if (config.selection.earlyStop) {
    const all = candidates.length + stoppedEarly.length;
    console.log(`${stoppedEarly.length} of ${all} candidates were stopped early.`);
  }
  for (const { message, remedy } of warnings) console.log(`Note: ${message} ${remedy}`);
  return chosenMethod(config.method).method.stages;
}

const options = readOptions(process.argv.slice(2));
if (options === null) console.log(helpText());
else process.exitCode = (await main(options)) ? 0 : 1;
