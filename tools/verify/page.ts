// Runs the cases of an oracle folder in the browser. The driver (main.ts) opens this page and calls `runVerify`.

import type { BackendInfo, WeightFormat } from '../../src/contract/backend.ts';
import { openBackend } from '../../src/tensor/device.ts';
import { bestForms, firstForms, setWasmForms } from '../../src/tensor/wasm/forms.ts';
import { kernelOps } from '../../src/tensor/webgpu/variantState.ts';
import { availableVariants, useKernelVariants as setVariants } from '../../src/tensor/webgpu/variants.ts';
import { wasmPaths } from '../lib/wasmPaths.ts';
import { type OracleCase, OracleFiles, type OracleIndex, parseIndex } from './oracle.ts';
import { Recording } from './recording.ts';
import { Report, type Row } from './report.ts';

type Runner = (entry: unknown, io: OracleFiles, report: Report) => Promise<void>;

export type VerifyRequest = {
  readonly backend: 'wasm' | 'webgpu';
  readonly weights: WeightFormat;
  /** The form of kernels that are to be used where they have it; null for the default. */
  readonly form: string | null;
  /** Only the entry of this name; null for all. */
  readonly only: string | null;
};

declare global {
  interface Window {
    runVerify(request: VerifyRequest): Promise<void>;
    /** Given by the driver: takes what is finished. */
    reportBackend(description: string): Promise<void>;
    reportRows(rows: readonly Row[]): Promise<void>;
  }
}

/** One file per kind: `clip_text` is run by `runClipText` in cases/clipText.ts. */
const modules = import.meta.glob<Record<string, Runner>>('./cases/*.ts');

/** Kinds of entries whose numbers depend on the weights of a network. */
const weighted = new Set([
  ...['unet', 'vae', 'clip_text', 'lora', 'mi', 'ops', 'clip_score', 'hps', 'blip_vqa', 'owl_vit'],
  ...['attend_and_excite', 'structured_guidance', 'semantic_guidance'],
  ...['gors', 'hn_itm', 'diffusion_dpo', 'dpok'],
]);

window.runVerify = async ({ backend, weights, form, only }) => {
  const response = await fetch('/oracle/index.json');
  if (!response.ok) throw new Error('The folder has no index.json.');
  const index = parseIndex(await response.json());
  const chosen = index.cases.filter((entry) => only === null || entry.name === only);
  if (chosen.length === 0) throw new Error(`The index has no case named ${only}.`);

  const recordings = new Map<OracleCase, Recording>();
  if (weights === 'f16') {
    await open('wasm');
    for (const entry of chosen.filter(({ kind }) => weighted.has(kind))) {
      const recording = new Recording();
      await runCase(entry, filesOf(index, 'wasm', weights), { factor: 1, recording });
      recordings.set(entry, recording);
    }
  }
  const info = await open(backend);
  await window.reportBackend(info.adapter ? `${info.name}, ${JSON.stringify(info.adapter)}` : info.name);
  if (backend === 'wasm') chooseWasmForm(form);
  else if (form !== null) chooseForm(form);
  const factor = backend === 'webgpu' ? index.gpu_backend_tolerance_factor : 1;
  for (const entry of chosen) {
    const recording = recordings.get(entry)?.replay();
    await window.reportRows(await runCase(entry, filesOf(index, backend, weights), { factor, recording }));
  }
};

/** @throws Error where no kernel has the form here */
function chooseForm(form: string): void {
  const having = kernelOps.filter((op) => availableVariants(op).some((known) => known === form));
  if (having.length === 0) throw new Error(`No kernel has a form ${form} here.`);
  setVariants(Object.fromEntries(having.map((op) => [op, form])));
}

/** @throws Error where no kernel has the form here */
function chooseWasmForm(form: string | null): void {
  const best = bestForms();
  const area = Object.entries(best).find(([, known]) => known === form)?.[0];
  if (form !== null && form !== 'best' && area === undefined) {
    throw new Error(`No kernel has a form ${form} here.`);
  }
  setWasmForms(form === 'best' ? best : { ...firstForms, ...(area === undefined ? {} : { [area]: form }) });
}

function open(backend: 'wasm' | 'webgpu'): Promise<BackendInfo> {
  // A lost device makes every later number worthless; the driver hears of it as an uncaught error of the page.
  return openBackend(backend, { wasmPaths, onLost: (error) => reportError(error) });
}

function filesOf(index: OracleIndex, backend: 'wasm' | 'webgpu', weights: WeightFormat): OracleFiles {
  return new OracleFiles(new URL('/oracle/', location.href).href, index, { backend, weights });
}

async function runCase(
  entry: OracleCase,
  io: OracleFiles,
  options: { factor: number; recording?: Recording | undefined },
): Promise<readonly Row[]> {
  const report = new Report(entry, options);
  try {
    const runner = await findRunner(entry.kind);
    if (runner === null) report.fail('-', '-', `no runner for cases of kind "${entry.kind}"`);
    else await runner(entry, io, report);
    if (report.rows.length === 0) report.fail('-', '-', 'nothing was checked');
  } catch (error) {
    console.warn(error);
    report.fail('-', 'run', error instanceof Error ? error.message : String(error));
  }
  return report.rows;
}

async function findRunner(kind: string): Promise<Runner | null> {
  const name = kind.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const load = modules[`./cases/${name}.ts`];
  if (!load) return null;
  const exported = `run${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const runner = (await load())[exported];
  if (!runner) throw new Error(`cases/${name}.ts does not export ${exported}.`);
  return runner;
}
