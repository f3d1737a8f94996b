/** Files of the open run, made by the engine. */
import type { NamedBytes } from '../../contract/runTypes.ts';
import type { MiTuneSpec } from '../../contract/spec.ts';
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

/** The run as a file that starts the same run again. */
export function runFile(spec: MiTuneSpec): NamedBytes {
  return { name: 'run.json', bytes: new TextEncoder().encode(`${JSON.stringify(spec, null, 2)}\n`) };
}
