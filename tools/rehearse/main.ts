// npm run rehearse: everything that the page does with a model, once, at full size.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { StudioError } from '../../src/lib/errors.ts';
import { launchStudio, type Studio } from '../lib/launch.ts';
import { serveRanges } from '../lib/rangeServer.ts';
import { callEngine } from './enginePage.ts';
import { measure, type PhaseMetrics } from './meters.ts';
import { openPage, preparePage } from './openPage.ts';
import { PHASES, type PhaseName, type RehearseOptions, readOptions, USAGE } from './options.ts';
import { OFFLINE, RUNS } from './phases.ts';
import { loadState, type Rehearsal, type RehearsalState, saveState } from './rehearsal.ts';
import { failedChecks, markdown, type PhaseRecord, type Report, terminalTable } from './report.ts';

const OUTSIDE: Omit<PhaseMetrics, 'seconds'> = {
  gpuPeakBytes: null,
  gpuBytes: null,
  dispatches: null,
  tabPeakBytes: null,
  gpuProcessPeakBytes: null,
};

async function main(options: RehearseOptions): Promise<boolean> {
  const { work } = options;
  const profile = join(work, 'profile');
  if (options.fresh) {
    rmSync(profile, { recursive: true, force: true });
    rmSync(join(work, 'rehearsal-state.json'), { force: true });
  }
  let state = loadState(work);
  const remember = (change: Partial<RehearsalState>): void => {
    state = { ...state, ...change };
    saveState(work, state);
  };
  const todo = PHASES.filter((name) => options.only.includes(name) && isOpen(name, options, state));
  const folder = join(work, 'model');
  mkdirSync(folder, { recursive: true });
  const server = await serveRanges({ folder }, { port: state.serverPort });
  remember({ serverPort: Number(new URL(server.url).port) });
  let studio: Studio | null = null;
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const stopped = new Promise<never>((_, reject) => {
    stop.signal.addEventListener('abort', () =>
      reject(
        new StudioError('stopped', 'Stopped.', { remedy: 'What is done is kept; call again to continue.' }),
      ),
    );
  });
  stopped.catch(() => undefined);
  try {
    for (const name of todo) {
      if (!OFFLINE.has(name) && studio === null) {
        studio = await launchStudio({ backend: options.backend, userDataDir: profile, port: state.pagePort });
        remember({ pagePort: Number(new URL(studio.url).port) });
        await preparePage(studio, log);
        await openPage(studio, options);
        remember({ about: await describeBrowser(studio, options.backend) });
      }
      log(`${name}: begins.`);
      const rehearsal: Rehearsal = {
        options,
        folder,
        server,
        get studio() {
          if (studio === null) throw new Error('There is no page in this phase.');
          return studio;
        },
        get state() {
          return state;
        },
        remember,
        log,
      };
      const failed = studio?.failed ?? new Promise<never>(() => undefined);
      const record = await Promise.race([runPhase(name, rehearsal), failed, stopped]);
      remember({ phases: { ...state.phases, [name]: record } });
      log(`${name}: ${record.metrics.seconds.toFixed(1)} s; ${JSON.stringify(record.facts)}`);
      for (const check of record.checks) log(`${name}: ${check.ok ? 'passed' : 'FAILED'}: ${check.name}.`);
      report(options, state);
    }
  } finally {
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
    await studio?.close();
    await server.close();
  }
  const result = report(options, state);
  const failures = failedChecks(result);
  console.log(`\n${terminalTable(result)}\n\nResults: ${options.out}`);
  for (const failure of failures) console.log(`FAILED ${failure}`);
  return failures.length === 0;
}

/** What was done is done, unless it was asked for by name. */
function isOpen(name: PhaseName, options: RehearseOptions, state: RehearsalState): boolean {
  if (name === 'download' && options.direct) return false;
  return state.phases[name] === undefined || options.only.length < PHASES.length;
}

async function runPhase(name: PhaseName, rehearsal: Rehearsal): Promise<PhaseRecord> {
  const startedAt = performance.now();
  const at = new Date().toISOString();
  if (OFFLINE.has(name)) {
    const outcome = await RUNS[name](rehearsal);
    return { ...outcome, metrics: { ...OUTSIDE, seconds: (performance.now() - startedAt) / 1000 }, at };
  }
  const { result, metrics } = await measure(rehearsal.studio, () => RUNS[name](rehearsal));
  return { ...result, metrics, at };
}

async function describeBrowser(
  { page, context }: Studio,
  backend: RehearseOptions['backend'],
): Promise<Pick<Report, 'browser' | 'adapter'>> {
  const { name, adapter, kernels } = await callEngine(page, 'open', { backend });
  const chosen = Object.entries(kernels ?? {}).map(([area, variant]) => `${area} ${variant}`);
  return {
    browser: `Chromium ${context.browser()?.version() ?? ''}`.trim(),
    adapter: [name, adapter?.vendor, adapter?.architecture, ...chosen].filter(Boolean).join(', '),
  };
}

function report(options: RehearseOptions, state: RehearsalState): Report {
  const { model, backend, latents, timesteps, steps, rank } = options;
  const [cpu] = cpus();
  const result: Report = {
    options: { model, backend, latents, timesteps, steps, rank },
    app: __APP_VERSION__,
    ...state.about,
    machine: `${cpus().length} x ${cpu?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 1e9)} GB`,
    phases: state.phases,
  };
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, 'rehearsal.json'), `${JSON.stringify(result, null, 1)}\n`);
  if (options.report !== null) {
    mkdirSync(dirname(options.report), { recursive: true });
    writeFileSync(options.report, markdown(result));
  }
  return result;
}

const startedAt = Date.now();
function log(line: string): void {
  console.log(`${((Date.now() - startedAt) / 1000).toFixed(0).padStart(5)} s  ${line.trim()}`);
}

const options = readOptions(process.argv.slice(2));
if (options === null) console.log(USAGE);
else process.exitCode = (await main(options)) ? 0 : 1;
