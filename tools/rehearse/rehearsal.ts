// What the phases of a rehearsal share, and what is kept of it between two calls.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Studio } from '../lib/launch.ts';
import type { RangeServer } from '../lib/rangeServer.ts';
import type { PhaseName, RehearseOptions } from './options.ts';
import type { PhaseRecord, Report } from './report.ts';

export type Rehearsal = {
  readonly options: RehearseOptions;
  /** The model's folder. */
  readonly folder: string;
  readonly server: RangeServer;
  readonly studio: Studio;
  readonly state: RehearsalState;
  remember(change: Partial<RehearsalState>): void;
  log(line: string): void;
};

export type RehearsalState = {
  /** Browsers keep storage by address, so the ports stay the same. */
  readonly pagePort: number;
  readonly serverPort: number;
  readonly modelId: string | null;
  readonly runId: string | null;
  /** What computed, as last seen. */
  readonly about: Pick<Report, 'browser' | 'adapter'>;
  readonly phases: Readonly<Partial<Record<PhaseName, PhaseRecord>>>;
};

const FRESH: RehearsalState = {
  pagePort: 0,
  serverPort: 0,
  modelId: null,
  runId: null,
  about: { browser: '', adapter: '' },
  phases: {},
};

export function loadState(work: string): RehearsalState {
  const path = statePath(work);
  return existsSync(path)
    ? { ...FRESH, ...(JSON.parse(readFileSync(path, 'utf8')) as RehearsalState) }
    : FRESH;
}

export function saveState(work: string, state: RehearsalState): void {
  mkdirSync(work, { recursive: true });
  writeFileSync(statePath(work), `${JSON.stringify(state, null, 1)}\n`);
}

function statePath(work: string): string {
  return join(work, 'rehearsal-state.json');
}
