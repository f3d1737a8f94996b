import type { JobEvent } from '../contract/events.ts';
import type { Engine } from './engine.ts';
import type { Work } from './work.ts';

/** What a handler works with beside its arguments. */
export type RequestContext = {
  readonly engine: Engine;
  readonly work: Work;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number, unit: string, note?: string) => void;
  readonly emit: (runId: string, event: JobEvent) => void;
};
