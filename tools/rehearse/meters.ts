// What a phase takes: seconds, the engine's count of GPU bytes, every dispatch of the page's workers, and the memory of
// the browser's processes as Linux counts it.

import { readdirSync, readFileSync } from 'node:fs';
import type { Page, Worker } from 'playwright';
import type { Studio } from '../lib/launch.ts';
import { callEngine } from './enginePage.ts';

export type PhaseMetrics = {
  readonly seconds: number;
  /** Most bytes of GPU buffers during the phase; null on wasm and outside the page. */
  readonly gpuPeakBytes: number | null;
  /** What stays of them after it. */
  readonly gpuBytes: number | null;
  /** All compute dispatches, tfjs' own included; null likewise. */
  readonly dispatches: number | null;
  /** Most resident memory of the tab's process, and of the GPU's process (with a software GPU: the "GPU memory" too). */
  readonly tabPeakBytes: number | null;
  readonly gpuProcessPeakBytes: number | null;
};

const SAMPLE_MS = 1000;

/** Counts dispatches in every worker of the page, from when it starts. */
export function watchDispatches(page: Page): void {
  const install = (worker: Worker): void => {
    // A worker may be gone before it is asked.
    worker.evaluate(installCounter).catch(() => undefined);
  };
  page.workers().forEach(install);
  page.on('worker', install);
}

/** Measures `work`, which talks with the page. */
export async function measure<T>(
  studio: Studio,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly metrics: PhaseMetrics }> {
  const { page } = studio;
  const memory = watchProcesses();
  const before = await countDispatches(page);
  await callEngine(page, 'usage', { restart: true });
  const startedAt = performance.now();
  try {
    const result = await work();
    const seconds = (performance.now() - startedAt) / 1000;
    const { gpu } = await callEngine(page, 'usage', { restart: false });
    // A reloaded page counts from zero.
    const dispatches = Math.max(0, (await countDispatches(page)) - before);
    return {
      result,
      metrics: {
        seconds,
        gpuPeakBytes: gpu?.peakBytes ?? null,
        gpuBytes: gpu?.bytes ?? null,
        dispatches: gpu === null ? null : dispatches,
        ...memory.peaks(),
      },
    };
  } finally {
    memory.stop();
  }
}

/** Runs in a worker. */
function installCounter(): void {
  const scope = globalThis as { miTuneDispatches?: number };
  if (scope.miTuneDispatches !== undefined || typeof GPUComputePassEncoder === 'undefined') return;
  scope.miTuneDispatches = 0;
  const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (x, y, z) {
    scope.miTuneDispatches = (scope.miTuneDispatches ?? 0) + 1;
    dispatchWorkgroups.call(this, x, y, z);
  };
}

async function countDispatches(page: Page): Promise<number> {
  const counts = await Promise.all(
    page
      .workers()
      .map((worker) =>
        worker
          .evaluate(() => (globalThis as { miTuneDispatches?: number }).miTuneDispatches ?? 0)
          .catch(() => 0),
      ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Resident bytes of this process's descendants by Chromium's process type; empty where there is no /proc. */
function processMemory(): ReadonlyMap<string, number> {
  const parents = new Map<number, number>();
  for (const name of folders('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? text(`/proc/${pid}/stat`) : null;
    // The command's name, in parentheses, may hold spaces.
    if (stat !== null) parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const memory = new Map<string, number>();
  for (const pid of parents.keys()) {
    if (!descends(pid, parents)) continue;
    const type = /--type=([\w-]+)/.exec(text(`/proc/${pid}/cmdline`) ?? '')?.[1];
    const resident = Number(/VmRSS:\s+(\d+)/.exec(text(`/proc/${pid}/status`) ?? '')?.[1] ?? 0) * 1024;
    // The tab is the largest of the renderers.
    if (type !== undefined) memory.set(type, Math.max(memory.get(type) ?? 0, resident));
  }
  return memory;
}

function watchProcesses(): {
  peaks(): Pick<PhaseMetrics, 'tabPeakBytes' | 'gpuProcessPeakBytes'>;
  stop(): void;
} {
  const peaks = new Map<string, number>();
  const look = (): void => {
    for (const [type, bytes] of processMemory()) peaks.set(type, Math.max(peaks.get(type) ?? 0, bytes));
  };
  look();
  const timer = setInterval(look, SAMPLE_MS);
  return {
    peaks() {
      look();
      return {
        tabPeakBytes: peaks.get('renderer') ?? null,
        gpuProcessPeakBytes: peaks.get('gpu-process') ?? null,
      };
    },
    stop: () => clearInterval(timer),
  };
}

function descends(pid: number, parents: ReadonlyMap<number, number>): boolean {
  let at = parents.get(pid);
  while (at !== undefined && at > 1) {
    if (at === process.pid) return true;
    at = parents.get(at);
  }
  return false;
}

function folders(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function text(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
