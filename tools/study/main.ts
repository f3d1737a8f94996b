// npm run study: does MI rank images, does MI-TUNE align, and what do its settings do? On the shapes world.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { NoiseSchedule } from '../../src/diffusion/schedule.ts';
import { ROOT } from '../lib/dependencies.mjs';
import { usageError } from '../lib/usage.ts';
import { budget, budgetLines, designFor, duration } from './budget.ts';
import { type Design, findDesign } from './design.ts';
import { poolList, takePool } from './foreignPools.ts';
import type { MethodsDesign } from './methods/design.ts';
import { methodSteps } from './methods/plan.ts';
import { methodsReport } from './methods/report.ts';
import { type BaseModel, MODEL_FOLDER, modelDigest, openBases } from './models.ts';
import { readOptions, type StudyOptions, USAGE } from './options.ts';
import { allSteps, firstSteps, forecastSteps, stepsOfParts } from './plan.ts';
import { readForeignPool, writePoolList } from './poolFiles.ts';
import type { Speed } from './protocol.ts';
import { redrawnText } from './report/foreign.ts';
import { writeReport } from './report/write.ts';
import { runSteps } from './runner.ts';
import { modelSchedule } from './schedule.ts';
import { type Step, secondsOf } from './steps.ts';
import { lockFolder, openStore, readManifest, readStore, type Store } from './store.ts';
import { chosenSettings } from './tune.ts';
import { openWorkers, type Workers } from './workers.ts';

const REPORT_EVERY_MS = 20_000;
const MS_PER_HOUR = 3_600_000;

async function main(options: StudyOptions): Promise<void> {
  if (options.methods !== null) return compareMethods(options, options.methods);
  const started = performance.now();
  const quick = options.design?.name === 'quick';
  const work = resolve(options.work ?? join(ROOT, '.study', ...(quick ? ['quick'] : [])));
  const out = resolve(options.out ?? join(quick ? work : join(ROOT, 'docs'), 'shapes-study.md'));
  const schedule = modelSchedule();
  if (options.mode === 'report') {
    report(work, options.design, schedule, out);
    return;
  }
  if (options.poolList !== null) {
    listPools(work, options, schedule, options.poolList);
    return;
  }
  const folders = openBases(options.bases);
  const unlock = lockFolder(work);
  const workers = await openWorkers(options.workers, {
    model: MODEL_FOLDER,
    adapters: join(work, 'adapters'),
    bases: folders,
  });
  try {
    const speed = await measureSpeed(workers);
    const design =
      options.design ??
      findDesign(readManifest(work)?.design ?? '') ??
      designFor(options.hours, schedule, speed, workers.list.length);
    const looksOnly = options.mode === 'budget';
    const bases = folders.map(({ name, digest }) => ({ name, digest }));
    const store = looksOnly
      ? readStore(work)
      : openStore(work, { version: 1, model: modelDigest(MODEL_FOLDER), design: design.name, bases });
    const forecast = forecastSteps(design, schedule, bases);
    const plan = stepsOfParts(forecast, options.parts);
    console.log(`Design "${design.name}" with ${workers.list.length} page(s) on ${workers.backend}.`);
    for (const line of budgetLines(budget(plan, store, speed, workers.list.length))) console.log(line);
    if (looksOnly) return;
    if (options.poolFrom !== null) await takePools(options.poolFrom, forecast, store, workers);
    const deadline = started + options.hours * MS_PER_HOUR;
    const complete = await runPlan({ design, schedule, bases, store, workers, options, speed, deadline });
    console.log(complete ? 'Everything asked for is done.' : 'Time is up; the same command continues.');
  } finally {
    await workers.close();
    unlock();
  }
  report(work, options.design, schedule, out);
}

/** Writes down which candidates are not there yet. */
function listPools(work: string, options: StudyOptions, schedule: NoiseSchedule, folder: string): void {
  const design = options.design ?? findDesign(readManifest(work)?.design ?? '');
  if (design === undefined) throw usageError(`${work} holds no study yet, so --pool-list takes a --design.`);
  const steps = stepsOfParts(forecastSteps(design, schedule), options.parts);
  const list = poolList(steps, readStore(work), modelDigest(MODEL_FOLDER));
  if (list === null) {
    console.log('All candidates are there.');
    return;
  }
  writePoolList(folder, list);
  const images = list.blocks.reduce((sum, { seeds }) => sum + seeds.length, 0);
  console.log(`Wrote a list of ${images} candidates to ${folder}`);
}

async function takePools(
  folder: string,
  steps: readonly Step[],
  store: Store,
  workers: Workers,
): Promise<void> {
  const pool = await readForeignPool(folder);
  const page = workers.list[0] as Workers['list'][number];
  const { images, redrawn } = await takePool(pool, {
    steps,
    store,
    model: modelDigest(MODEL_FOLDER),
    page,
  });
  console.log(
    redrawn === null
      ? 'All candidates of that pool were there.'
      : `Took ${images} candidates that were drawn elsewhere; ${redrawnText(redrawn)}.`,
  );
}

/** The methods side by side. */
async function compareMethods(options: StudyOptions, design: MethodsDesign): Promise<void> {
  const started = performance.now();
  const quick = design.name === 'quick';
  const work = resolve(options.work ?? join(ROOT, '.study', quick ? 'quick-methods' : 'methods'));
  const out = resolve(options.out ?? join(quick ? work : join(ROOT, 'docs'), 'methods-study.md'));
  const schedule = modelSchedule();
  const steps = methodSteps(design, schedule);
  if (options.mode !== 'report') {
    const unlock = lockFolder(work);
    const workers = await openWorkers(options.workers, {
      model: MODEL_FOLDER,
      adapters: join(work, 'adapters'),
    });
    try {
      const speed = await measureSpeed(workers);
      const looksOnly = options.mode === 'budget';
      const store = looksOnly
        ? readStore(work)
        : openStore(work, { version: 1, model: modelDigest(MODEL_FOLDER), design: design.name });
      for (const line of budgetLines(budget(steps, store, speed, workers.list.length))) console.log(line);
      if (looksOnly) return;
      const deadline = started + options.hours * MS_PER_HOUR;
      const complete = await runSteps(steps, store, {
        workers: workers.list,
        deadline,
        now: () => performance.now(),
        onDone: progress({ store, workers, speed, deadline }),
      });
      console.log(complete ? 'Everything asked for is done.' : 'Time is up; the same command continues.');
    } finally {
      await workers.close();
      unlock();
    }
  }
  const manifest = readManifest(work);
  if (manifest === null) throw usageError(`${work} holds no study yet.`);
  const study = { store: readStore(work), design, schedule, model: manifest.model, notes: readNotes(work) };
  writeFileSync(out, methodsReport(study));
  console.log(`Wrote ${out}`);
}

type Run = {
  readonly design: Design;
  readonly schedule: NoiseSchedule;
  readonly bases: readonly BaseModel[];
  readonly store: Store;
  readonly workers: Workers;
  readonly options: StudyOptions;
  readonly speed: Speed;
  readonly deadline: number;
};

/** First what chooses the settings, then everything that uses them. */
async function runPlan(run: Run): Promise<boolean> {
  const { design, schedule, bases, store, workers, options, deadline } = run;
  const onDone = progress(run);
  const work = (steps: readonly Step[]): Promise<boolean> =>
    runSteps(stepsOfParts(steps, options.parts), store, {
      workers: workers.list,
      deadline,
      now: () => performance.now(),
      onDone,
    });
  const first = await work(firstSteps(design, schedule));
  const settings = chosenSettings(store, design, schedule);
  // Ranking needs no settings, so it goes on without them.
  if (settings === null)
    return first && work(forecastSteps(design, schedule, bases).filter((s) => s.part === '1'));
  const { learningRate, iterations, keep, score } = settings;
  console.log(
    `Settings from validation prompts: lr ${learningRate}, ${iterations} iterations, k = ${keep}, score “${score}”.`,
  );
  return work(allSteps(design, schedule, settings, bases));
}

/** Prints now and then what was done, and how the real time compares with the estimate. */
function progress({
  speed,
  store,
  workers,
  deadline,
}: Pick<Run, 'speed' | 'store' | 'workers' | 'deadline'>): (step: Step, seconds: number) => void {
  let spent = 0;
  let expected = 0;
  let count = 0;
  let last = performance.now();
  return (step, seconds) => {
    spent += seconds;
    expected += secondsOf(step.cost, speed);
    count++;
    const now = performance.now();
    if (now - last < REPORT_EVERY_MS) return;
    last = now;
    const left = duration((deadline - now) / MS_PER_HOUR);
    const ratio = (spent / expected).toFixed(2);
    console.log(
      `${new Date().toISOString().slice(11, 19)}  ${count} steps (${store.size} stored), ` +
        `${workers.list.length} page(s), ${ratio} x estimate, ${left} left; part ${step.part}: ${step.item}`,
    );
  };
}

/** Speeds with all workers busy: they share the machine. */
async function measureSpeed(workers: Workers): Promise<Speed> {
  const speeds = await Promise.all(workers.list.map((worker) => worker.speed()));
  const average = (read: (speed: Speed) => number): number =>
    speeds.reduce((sum, speed) => sum + read(speed), 0) / speeds.length;
  const speed: Speed = {
    evaluationMs: average((s) => s.evaluationMs),
    imageMs: average((s) => s.imageMs),
    sampleMs: average((s) => s.sampleMs),
  };
  const { evaluationMs, imageMs, sampleMs } = speed;
  console.log(
    `One network evaluation takes ${evaluationMs.toFixed(1)} ms, decoding and scoring an image ` +
      `${imageMs.toFixed(0)} ms, a training sample ${sampleMs.toFixed(0)} ms.`,
  );
  return speed;
}

function report(work: string, asked: Design | null, schedule: NoiseSchedule, out: string): void {
  const manifest = readManifest(work);
  if (manifest === null) throw usageError(`${work} holds no study yet.`);
  const design = asked ?? findDesign(manifest.design);
  if (design === undefined) throw usageError(`There is no design ${manifest.design}.`);
  const { model, bases = [] } = manifest;
  writeReport({ store: readStore(work), design, schedule, model, bases, notes: readNotes(work) }, out);
  console.log(`Wrote ${out}`);
}

/** What whoever ran the study has to add: `notes.md` in the work folder. */
function readNotes(work: string): string | null {
  const path = join(work, 'notes.md');
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}

const options = readOptions(process.argv.slice(2));
if (options === null) console.log(USAGE);
else await main(options);
