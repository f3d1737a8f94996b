// Runs benchmark suites in the browser. The driver (main.ts) opens this page and calls `runBench`.

import { openBackend } from '../../src/tensor/device.ts';
import type { BackendInfo } from '../../src/tensor/types.ts';
import { wasmPaths } from '../lib/wasmPaths.ts';
import { Bench, type BenchRow, type Suite } from './bench.ts';

export type BenchRequest = {
  readonly backend: 'wasm' | 'webgpu';
  readonly suites: readonly string[];
};

declare global {
  interface Window {
    runBench(request: BenchRequest): Promise<BackendInfo>;
    /** Given by the driver. */
    reportBenchRow(row: BenchRow): Promise<void>;
  }
}

const modules = import.meta.glob<{ run: Suite }>('./suites/*.ts');

window.runBench = async ({ backend, suites }) => {
  const info = await openBackend(backend, { wasmPaths, onLost: (error) => reportError(error) });
  for (const name of suites) {
    const load = modules[`./suites/${name}.ts`];
    if (!load) throw new Error(`There is no suite ${name}.`);
    const { run } = await load();
    await run(new Bench(name, info, (row) => window.reportBenchRow(row)));
  }
  return info;
};
