/** Images with and without an adapter or a method's way of drawing, on the same seeds. */
import { create } from 'zustand';
import type { ComparePair } from '../../contract/protocol.ts';
import type { RequestProgress } from '../../engine/client.ts';
import { engineClient } from '../page/engineClient.ts';
import { attempt } from '../page/notices.ts';

export type CompareState = {
  /** As `CompareRequest` names it: `run:<id>`, the id of an imported one, or `base`; null for the open run's own. */
  readonly adapter: string | null;
  /** Method that draws the second side; null for guidance alone. */
  readonly drawnBy: string | null;
  /** How far every weight goes towards the adapter's. */
  readonly strength: number;
  /** Prompts of the user's own, one a line; empty for those held out. */
  readonly typed: string;
  readonly seedsPerPrompt: number;
  readonly firstSeed: number;
  readonly pairs: readonly ComparePair[];
  readonly progress: RequestProgress | null;
  readonly busy: boolean;
};

export const useCompare = create<CompareState>()(() => ({
  adapter: null,
  drawnBy: null,
  strength: 1,
  typed: '',
  seedsPerPrompt: 2,
  firstSeed: 1000,
  pairs: [],
  progress: null,
  busy: false,
}));

const { setState: set, getState: get } = useCompare;

export type CompareSettings = { readonly steps: number; readonly guidance: number };

let abort: AbortController | null = null;

/** Draws the pairs; earlier ones stay until the new ones are complete. */
export async function comparePairs(
  adapter: string | null,
  prompts: readonly string[],
  { steps, guidance }: CompareSettings,
): Promise<void> {
  if (get().busy) return;
  const { firstSeed, seedsPerPrompt, strength, drawnBy } = get();
  const seeds = Array.from({ length: seedsPerPrompt }, (_, i) => firstSeed + i);
  abort = new AbortController();
  const { signal } = abort;
  set({ busy: true, progress: null });
  const pairs = await attempt(() =>
    engineClient().call(
      'compare',
      {
        adapter,
        prompts,
        seeds,
        steps,
        guidance,
        strength,
        ...(drawnBy === null ? {} : { drawnBy: { name: drawnBy, options: {} } }),
      },
      { signal, onProgress: (progress) => set({ progress }) },
    ),
  );
  abort = null;
  set({ busy: false, progress: null, ...(pairs === null ? {} : { pairs }) });
}

/** Pairs and choice belong to the run that was open. */
export function forgetPairs(): void {
  set({ pairs: [], adapter: null });
}

export function stopComparing(): void {
  abort?.abort();
}

/** The user's prompts, one a line, without empty lines and repeats. */
export function typedPrompts(typed: string): readonly string[] {
  const lines = typed.split('\n').map((line) => line.trim());
  return [...new Set(lines)].filter((line) => line !== '');
}
