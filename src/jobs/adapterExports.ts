/** The adapter of a run as plain numbers, and what a file of it is called and says about itself. */

import type { PlainAdapter } from '../adapters/plain.ts';
import { plainFromState } from '../adapters/state.ts';
import type { ExportName } from '../contract/adapterFiles.ts';
import type { MiTuneSpec } from '../contract/spec.ts';
import type { Session } from '../procedures/session.ts';
import { trainedTargets } from '../procedures/trainRound.ts';
import type { RunStore } from '../storage/runStore.ts';
import { adapterOfRun } from './trained.ts';

type RunAdapter = {
  readonly adapter: PlainAdapter;
  /** Step 0 is what the round began with: in the first round the model as it is. */
  readonly step: number;
  readonly round: number;
  /** Entries for the header of its files. */
  readonly notes: Readonly<Record<string, string>>;
};

/**
 * A run's best adapter by validation, or its last.
 * @throws StudioError `adapter-missing`, `adapter-damaged`, `adapter-state-mismatch`
 */
export async function runAdapter(
  session: Session,
  store: RunStore,
  spec: MiTuneSpec,
  { which, version }: { readonly which: 'best' | 'last'; readonly version: number | undefined },
): Promise<RunAdapter> {
  const { step, round, adapter: saved } = await adapterOfRun(store, which, version);
  const settings = {
    preset: spec.preset,
    seed: spec.seed,
    round,
    step,
    model: spec.model,
    score: spec.score,
    selection: spec.selection,
  };
  return {
    adapter: plainFromState(saved, trainedTargets(session, spec.adapter.textEncoder)),
    step,
    round,
    notes: { mi_tune: JSON.stringify(settings) },
  };
}

const FILE_NAMES: Readonly<Record<ExportName, readonly [stem: string, ending: string]>> = {
  diffusers: ['pytorch_lora_weights', '.safetensors'],
  kohya: ['mi-tune.lora', '.safetensors'],
  comfyui: ['mi-tune.comfyui', '.safetensors'],
  diff: ['mi-tune.diff', '.safetensors'],
  merged: ['mi-tune.merged', '.zip'],
};

/** What a file holds that is not a run's best adapter after training. */
export function exportFileName(
  format: ExportName,
  what: { readonly step: number | null; readonly which: 'best' | 'last'; readonly imported: string | null },
): string {
  const [stem, ending] = FILE_NAMES[format];
  const { step, which, imported } = what;
  if (imported !== null) return `${imported.replace(/\.safetensors$/i, '')}.${format}${ending}`;
  const untrained = step === 0 ? '.untrained-step-0' : '';
  return `${stem}${which === 'last' ? '.last' : ''}${untrained}${ending}`;
}

/** What is to be said about an adapter that training did not change; null for others. */
export function untrainedNote(step: number, round: number): string | null {
  if (step !== 0) return null;
  const what = round === 0 ? 'it leaves the model as it is' : `it is what round ${round + 1} began with`;
  return `No checkpoint was better than the start on the held-out images, so this adapter is the one of step 0: ${what}. The trained one is the last adapter.`;
}
