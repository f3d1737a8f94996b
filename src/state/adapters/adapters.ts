/** Adapters on the page: which there are, what is in one, how two differ, and sums of them. */
import { create } from 'zustand';
import type { AdapterFacts, ExportName, LayerLoss } from '../../contract/adapterFiles.ts';
import type { AdapterId } from '../../contract/comparison.ts';
import type { AdapterReport, ExportedFile } from '../../contract/protocol.ts';
import type { RequestProgress } from '../../engine/client.ts';
import { engineClient } from '../page/engineClient.ts';
import { attempt, confirmDone } from '../page/notices.ts';

type AdapterChoice = { readonly id: AdapterId; readonly name: string };

type AdaptersState = {
  /** Imported ones, newest first; null until they were listed. */
  readonly imported: readonly AdapterChoice[] | null;
  /** What this session read of files: reports by identifier. */
  readonly reports: ReadonlyMap<AdapterId, AdapterReport>;
  readonly adapter: AdapterId | null;
  readonly other: AdapterId | null;
  readonly facts: AdapterFacts | null;
  /** What is being done, and how far it is. */
  readonly work: { readonly what: string; readonly progress: RequestProgress | null } | null;
  /** Of the latest sum: what its low rank lost. */
  readonly mergeLosses: readonly LayerLoss[] | null;
};

export const useAdapters = create<AdaptersState>()(() => ({
  imported: null,
  reports: new Map(),
  adapter: null,
  other: null,
  facts: null,
  work: null,
  mergeLosses: null,
}));

const { setState: set, getState: get } = useAdapters;
let abort: AbortController | null = null;

/** Reads the list of imported adapters anew; what came in meanwhile stays in it. */
export async function refreshAdapters(): Promise<void> {
  const before = get().imported ?? [];
  const list = await attempt(() => engineClient().call('stored', {}));
  if (list === null) return;
  const stored = list.adapters.map(({ id, name }) => ({ id: `import:${id}`, name }));
  // What came in while the list was read may not be in it.
  const since = (get().imported ?? []).filter((one) => !before.includes(one));
  set({ imported: [...since.filter(({ id }) => !stored.some((one) => one.id === id)), ...stored] });
}

/** Takes in an adapter made here or by another tool and chooses it. Null where it was refused. */
export async function importAdapter(
  name: string,
  bytes: Uint8Array,
  config: string | null = null,
): Promise<AdapterReport | null> {
  const report = await attempt(() => engineClient().call('importAdapter', { name, bytes, config }));
  if (report === null) return null;
  takeReport(report);
  const facts = [`${report.name} loaded: ${describeAdapter(report)}.`, ...report.notes];
  confirmDone(facts.join(' '));
  return report;
}

function takeReport(report: AdapterReport): void {
  const { imported, reports } = get();
  const others = (imported ?? []).filter(({ id }) => id !== report.id);
  set({
    imported: [{ id: report.id, name: report.name }, ...others],
    reports: new Map(reports).set(report.id, report),
    adapter: report.id,
    facts: null,
  });
}

const KIND_WORDS = { lora: 'LoRA', dora: 'DoRA', difference: 'weight differences' } as const;

/** "DoRA, rank 16". */
export function describeAdapter({ kind, rank }: Pick<AdapterReport, 'kind' | 'rank'>): string {
  return kind === 'difference' ? KIND_WORDS[kind] : `${KIND_WORDS[kind]}, rank ${rank}`;
}

/** One piece of work at a time; a failure becomes an alert. */
async function working<T>(
  what: string,
  run: (options: { signal: AbortSignal; onProgress: (progress: RequestProgress) => void }) => Promise<T>,
): Promise<T | null> {
  if (get().work !== null) return null;
  const controller = new AbortController();
  abort = controller;
  set({ work: { what, progress: null } });
  const onProgress = (progress: RequestProgress): void => set({ work: { what, progress } });
  const result = await attempt(() => run({ signal: controller.signal, onProgress }));
  abort = null;
  set({ work: null });
  return result;
}

export function stopWork(): void {
  abort?.abort();
}

export async function inspect(adapter: AdapterId, other: AdapterId | null): Promise<void> {
  const facts = await working('Looking into the adapter', (options) =>
    engineClient().call('inspectAdapter', { adapter, other }, options),
  );
  if (facts !== null) set({ facts });
}

export async function merge(
  parts: readonly { readonly adapter: AdapterId; readonly weight: number }[],
  rank: number,
  name: string,
): Promise<void> {
  const made = await working('Merging', (options) =>
    engineClient().call('mergeAdapters', { parts, rank, name }, options),
  );
  if (made === null) return;
  takeReport(made.report);
  set({ mergeLosses: made.losses });
  confirmDone(`${made.report.name} made: ${describeAdapter(made.report)}.`);
}

type ExportOptions = { readonly rank: number; readonly half: boolean };

/** Null where it was stopped or failed, which is then said. */
export function exportAdapterFile(
  adapter: AdapterId,
  format: ExportName,
  options: ExportOptions,
): Promise<ExportedFile | null> {
  return working('Preparing the file', (call) =>
    engineClient().call('exportFile', { adapter, format, ...options }, call),
  );
}
