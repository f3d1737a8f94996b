/** The same prompts and seeds drawn in several ways: adapters, methods, both, or neither. */
import { create } from 'zustand';
import type { CompareColumn, ComparedFor, Comparison } from '../../contract/comparison.ts';
import type { Reading } from '../../contract/spec.ts';
import type { RequestProgress } from '../../engine/client.ts';
import { engineClient } from '../page/engineClient.ts';
import { attempt } from '../page/notices.ts';

/** A column as it is set up; `own` stands for the open run's adapter, whichever version is shown. */
export type ColumnDraft = CompareColumn & { readonly key: number };

export const OWN_ADAPTER = 'own';
/** Wider tables are hard to look at, and every column takes its time. */
export const MAX_COLUMNS = 8;

type CompareState = {
  readonly columns: readonly ColumnDraft[];
  /** Prompts of the user's own, one a line; empty for those held out. */
  readonly typed: string;
  readonly seedsPerPrompt: number;
  readonly firstSeed: number;
  readonly comparison: Comparison | null;
  /** False for a comparison that is shown here and stored nowhere. */
  readonly kept: boolean;
  readonly progress: RequestProgress | null;
  readonly busy: boolean;
};

/** The base model beside the run's adapter. */
const FIRST_COLUMNS: readonly ColumnDraft[] = [
  { key: 0, adapter: null },
  { key: 1, adapter: OWN_ADAPTER },
];

export const useCompare = create<CompareState>()(() => ({
  columns: FIRST_COLUMNS,
  typed: '',
  seedsPerPrompt: 2,
  firstSeed: 1000,
  comparison: null,
  kept: true,
  progress: null,
  busy: false,
}));

const { setState: set, getState: get } = useCompare;

/** Another column, like the last one. */
export function addColumn(): void {
  const { columns } = get();
  if (columns.length >= MAX_COLUMNS) return;
  const key = Math.max(-1, ...columns.map((column) => column.key)) + 1;
  set({ columns: [...columns, { ...(columns.at(-1) ?? { adapter: null }), key }] });
}

export function removeColumn(key: number): void {
  set({ columns: get().columns.filter((column) => column.key !== key) });
}

/** Puts another column in the place of the one of this key. */
export function changeColumn(key: number, column: CompareColumn): void {
  set({ columns: get().columns.map((old) => (old.key === key ? { ...column, key } : old)) });
}

type CompareSettings = {
  readonly steps: number;
  readonly guidance: number;
  readonly readings?: Readonly<Record<string, Reading>>;
};

let abort: AbortController | null = null;

/** Draws all columns; the comparison before stays until the new one is complete. */
export async function drawComparison(
  columns: readonly CompareColumn[],
  prompts: readonly string[],
  settings: CompareSettings,
  keepWith: ComparedFor,
): Promise<void> {
  if (get().busy) return;
  const { firstSeed, seedsPerPrompt } = get();
  const { steps, guidance, readings } = settings;
  const seeds = Array.from({ length: seedsPerPrompt }, (_, i) => firstSeed + i);
  abort = new AbortController();
  const { signal } = abort;
  set({ busy: true, progress: null });
  const drawn = await attempt(() =>
    engineClient().call(
      'compare',
      {
        columns,
        prompts,
        seeds,
        steps,
        guidance,
        ...(readings === undefined ? {} : { readings }),
        keepWith,
      },
      { signal, onProgress: (progress) => set({ progress }) },
    ),
  );
  abort = null;
  set({ busy: false, progress: null, ...drawn });
}

let asked: ComparedFor | undefined;

/** Shows the comparison that is kept with these results, or none. */
export async function showComparison(of: ComparedFor): Promise<void> {
  asked = of;
  const comparison = await attempt(() => engineClient().call('comparison', of));
  if (!get().busy && asked === of) set({ comparison, kept: true });
}

/** Comparison and columns belong to the run that was open. */
export function forgetComparison(): void {
  set({ comparison: null, kept: true, columns: FIRST_COLUMNS });
}

export function stopComparing(): void {
  abort?.abort();
}

/** The user's prompts, one a line, without empty lines and repeats. */
export function typedPrompts(typed: string): readonly string[] {
  const lines = typed.split('\n').map((line) => line.trim());
  return [...new Set(lines)].filter((line) => line !== '');
}
