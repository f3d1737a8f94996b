// Runs benchmark suites in the browser. The driver (main.ts) opens this page and calls `runBench`.

import type { BackendInfo, BackendName } from '../../src/contract/backend.ts';
import { openBackend } from '../../src/tensor/device.ts';
import { wasmPaths } from '../lib/wasmPaths.ts';
import { Bench, type BenchRow, type Suite } from './bench.ts';
import type { TorchDevice, TorchInputs, TorchTimes } from './torch.ts';

export type BenchRequest = {
  readonly backend: 'wasm' | 'webgpu';
  /** Nobody asked for this one: suites may run on their own. */
  readonly byDefault: boolean;
  readonly suites: readonly string[];
};

declare global {
  interface Window {
    /** @returns where the last suite ran */
    runBench(request: BenchRequest): Promise<BackendInfo>;
    /** Given by the driver. */
    reportBenchRow(row: BenchRow, backend: BackendInfo): Promise<void>;
    /** False when PyTorch is not installed; see TorchProcess for the rest. */
    openTorch(device: TorchDevice): Promise<boolean>;
    torchDevice(): Promise<TorchDevice>;
    timeTorchStableDiffusion(): Promise<TorchTimes>;
    prepareTorch(inputs: TorchInputs): Promise<readonly number[]>;
    timeTorch(): Promise<number>;
  }
}

/** A suite may name the one backend it is about. */
type SuiteModule = { readonly run: Suite; readonly backend?: BackendName };

const modules = import.meta.glob<SuiteModule>('./suites/*.ts');

window.runBench = async ({ backend, byDefault, suites }) => {
  const open = (name: BackendName): Promise<BackendInfo> =>
    openBackend(name, { wasmPaths, onLost: (error) => reportError(error) });
  let current = await open(backend);
  for (const name of suites) {
    const load = modules[`./suites/${name}.ts`];
    if (!load) throw new Error(`There is no suite ${name}.`);
    const suite = await load();
    const wanted = byDefault ? (suite.backend ?? backend) : backend;
    if (wanted !== current.name) current = await open(wanted);
    const on = current;
    await suite.run(new Bench(name, on, (row) => window.reportBenchRow(row, on)));
  }
  return current;
};
