// npm run bench: times suites of tools/bench/suites in Chromium and prints medians and ratios.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { BackendInfo } from '../../src/contract/backend.ts';
import { ROOT } from '../lib/dependencies.mjs';
import { launchStudio } from '../lib/launch.ts';
import { openToolPage } from '../lib/toolPage.ts';
import { usageError } from '../lib/usage.ts';
import { SD21_BASE } from '../rehearse/modelConfigs.ts';
import type { BenchRow } from './bench.ts';
import type { BenchRequest } from './page.ts';
import { type BenchFile, report } from './report.ts';
import { type TorchDevice, type TorchInputs, TorchProcess } from './torch.ts';

const suiteNames = Object.keys(import.meta.glob('./suites/*.ts'))
  .map((path) => basename(path, '.ts'))
  .sort();

const USAGE = `Usage: npm run bench -- [SUITE ...] [options]
       npm run bench -- report [FILE ...]   write docs/performance.md from files that --json wrote

SUITE                     ${suiteNames.join(', ') || 'none yet'} (default: all)
--backend wasm|webgpu     where to run (default: webgpu, except for suites about the other)
--device cpu|cuda         where PyTorch runs, for the suites that compare with it (default: cpu)
--json FILE               also write the numbers to a file, as they come
--help                    this text`;

const PATIENCE_MS = 180_000;

type Options = { request: BenchRequest; device: TorchDevice; jsonFile: string | null };

function readOptions(): Options | null {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      backend: { type: 'string' },
      device: { type: 'string', default: 'cpu' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const { backend = 'webgpu', device } = values;
  if (device !== 'cpu' && device !== 'cuda') throw usageError(`Unknown device "${device}". Use cpu or cuda.`);
  if (backend !== 'wasm' && backend !== 'webgpu')
    throw usageError(`Unknown backend "${backend}". Use wasm or webgpu.`);
  const unknown = positionals.find((name) => !suiteNames.includes(name));
  if (unknown !== undefined)
    throw usageError(`There is no suite ${unknown}. Suites: ${suiteNames.join(', ')}.`);
  return {
    request: {
      backend,
      byDefault: values.backend === undefined,
      suites: positionals.length > 0 ? positionals : suiteNames,
    },
    device,
    jsonFile: values.json === undefined ? null : resolve(values.json),
  };
}

async function bench({ request, device, jsonFile }: Options): Promise<void> {
  const rows: BenchRow[] = [];
  // Left as it is: bundled, it would not find its binary.
  const optimizeDeps = { exclude: ['onnxruntime-web'] };
  const vite = { optimizeDeps };
  const studio = await launchStudio({ backend: request.backend, from: 'dev', vite });
  const torch = new TorchProcess();
  try {
    const { page } = studio;
    // The page is built from its sources as it loads, on a machine that may have other things to do.
    page.setDefaultTimeout(PATIENCE_MS);
    page.setDefaultNavigationTimeout(PATIENCE_MS);
    await page.exposeFunction('openTorch', (asked: TorchDevice) => openTorch(torch, asked));
    await page.exposeFunction('torchDevice', () => device);
    await page.exposeFunction('timeTorchStableDiffusion', () => torch.timeStableDiffusion(SD21_BASE.unet));
    await page.exposeFunction('prepareTorch', (inputs: TorchInputs) => torch.prepare(inputs));
    await page.exposeFunction('timeTorch', () => torch.time());
    const machine = {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      system: `${platform()} ${arch()}`,
      browser: studio.context.browser()?.version() ?? 'unknown',
      date: new Date().toISOString(),
    };
    await page.exposeFunction('reportBenchRow', (row: BenchRow, backend: BackendInfo) => {
      if (row.title !== rows.at(-1)?.title) console.log(`\n${row.suite}: ${row.title}`);
      rows.push(row);
      console.log(describe(row));
      // At once: whoever stops it in the middle keeps what was measured.
      if (jsonFile !== null)
        writeFileSync(jsonFile, `${JSON.stringify({ backend, machine, rows }, null, 1)}\n`);
    });
    await openToolPage(studio, { script: 'tools/bench/page.ts', offers: 'runBench' });
    const backend = await Promise.race([
      page.evaluate((asked) => window.runBench(asked), request),
      studio.failed,
    ]);
    const gpu = backend.adapter ? ` (${backend.adapter.vendor} ${backend.adapter.architecture})` : '';
    console.log(`\n${backend.name}${gpu}; Chromium ${machine.browser}; ${machine.cores} x ${machine.cpu}`);
  } finally {
    torch.close();
    await studio.close();
  }
}

async function openTorch(torch: TorchProcess, device: TorchDevice): Promise<boolean> {
  const info = await torch.open(device);
  if ('missing' in info) console.log(`\nPyTorch is not installed here (${info.missing}).`);
  else console.log(`\nPyTorch ${info.version}: ${info.threads} thread, ${info.simd}. WebAssembly: 128 bits.`);
  return !('missing' in info);
}

function describe({ variant, value, unit, range, ratio }: BenchRow): string {
  const columns = [
    `  ${variant.padEnd(28)}`,
    `${significant(value)} ${unit}`.padStart(16),
    range === null ? '' : `(${significant(range[0])} to ${significant(range[1])})`.padStart(24),
    ratio === null ? '' : `${ratio.toFixed(2)}x`.padStart(10),
  ];
  return columns.join('').trimEnd();
}

function significant(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}

const REPORT = join(ROOT, 'docs', 'performance.md');

/** What a step takes is counted anew; the rest was measured before, perhaps elsewhere. */
async function writeReport(files: readonly string[]): Promise<void> {
  const jsonFile = join(mkdtempSync(join(tmpdir(), 'bench-')), 'work.json');
  const request = { backend: 'webgpu', byDefault: true, suites: ['work'] } as const;
  await bench({ request, device: 'cpu', jsonFile });
  const read = (file: string): BenchFile => JSON.parse(readFileSync(file, 'utf8')) as BenchFile;
  writeFileSync(REPORT, report([...files, jsonFile].map(read)));
  console.log(`\nWrote ${REPORT}`);
}

const [first, ...files] = process.argv.slice(2);
if (first === 'report') await writeReport(files);
else {
  const options = readOptions();
  if (options === null) console.log(USAGE);
  else await bench(options);
}
