/** Files of the open run, made by the engine. */
import type { ModelReport, NamedBytes } from '../../contract/runTypes.ts';
import { type MiTuneSpec, sameRef } from '../../contract/spec.ts';
import { useEngine } from '../page/engine.ts';
import { engineClient } from '../page/engineClient.ts';

export type ExportName = 'adapter' | 'lastAdapter' | 'set' | 'report' | 'scores';

/** @param of the run, its round, and the version of that round's results */
export function exportFile(
  what: ExportName,
  { runId, round, version }: { readonly runId: string; readonly round: number; readonly version: number },
): Promise<NamedBytes> {
  const client = engineClient();
  switch (what) {
    case 'adapter':
      return client.call('exportAdapter', { runId, which: 'best', version });
    case 'lastAdapter':
      return client.call('exportAdapter', { runId, which: 'last', version });
    case 'set':
      return client.call('exportSet', { runId, round, version });
    case 'report':
      return client.call('exportReport', { runId });
    case 'scores':
      return client.call('exportScores', { runId });
    default:
      return what satisfies never;
  }
}

type MadeWith = {
  /** Version of this program. */
  readonly app: string;
  /** The model that is loaded; left out if it is another one. */
  readonly loaded: ModelReport | null;
  /** SHA-256 of the model's files by path. */
  readonly hashes: Readonly<Record<string, string>>;
};

/**
 * The run as a file that starts the same run again, and what it takes to tell whether it really is the same: the
 * version of this program, the model as it was loaded, and the hashes of its files.
 */
export function runFile(spec: MiTuneSpec, { app, loaded, hashes }: MadeWith): NamedBytes {
  const model = loaded !== null && sameRef(loaded.ref, spec.model) ? loaded : null;
  const content = { format: 'mi-tune-run-1', app, model, hashes, spec };
  return { name: 'run.json', bytes: new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`) };
}

/** The run file of a stored run, or of settings that no run was made with. */
export async function exportRunFile(
  spec: MiTuneSpec,
  runId: string | null,
  app: string,
): Promise<NamedBytes> {
  const { model: loaded } = useEngine.getState();
  const isKnown = runId !== null || (loaded !== null && sameRef(loaded.ref, spec.model));
  const hashes = isKnown ? await engineClient().call('modelHashes', { runId }) : {};
  return runFile(spec, { app, loaded, hashes });
}
