/** Where the micro-batches of a round's steps come from: a fixed set, or a method that draws while it trains. */
import type { Adapter } from '../adapters/adapter.ts';
import type { OptimizerOptions } from '../contract/spec.ts';
import { stepBatches } from '../training/batches.ts';
import type { MicroBatch } from '../training/trainStep.ts';
import { microBatches } from './microBatches.ts';
import type { Session } from './session.ts';
import type { TrainItem, Tuning } from './trainItems.ts';

/** What a source goes on from after a stop, beside adapter and step: plain numbers by name. */
export type OwnState = Record<string, Float32Array<ArrayBuffer>>;

export type StepSource = {
  /**
   * The micro-batches of optimizer step `step`, counted from 0, made when asked for; each is freed when the next is.
   * @param adapter as it stands before the step; the source must not dispose it
   */
  batches(step: number, adapter: Adapter): AsyncIterable<MicroBatch>;
  /** Absent where all follows from seed and step. */
  save?(): Promise<OwnState>;
  dispose?(): void;
};

type SetOptions = Pick<OptimizerOptions, 'batch' | 'accumulation' | 'flushAtEpochEnd'> & {
  readonly textEncoder: boolean;
  readonly seed: number;
  readonly tuning?: Tuning | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Goes through a set in a new order every epoch. */
export async function setSource(
  session: Session,
  set: readonly TrainItem[],
  options: SetOptions,
): Promise<StepSource> {
  const contexts = options.textEncoder ? null : session.contexts;
  await contexts?.prepare(
    set.flatMap((item) => [item, ...(item.beside ?? [])].map(({ text }) => text)),
    options.signal,
  );
  return {
    batches: (step) => {
      const plan = stepBatches(options, set.length, step, options.seed, session.schedule.T);
      return microBatches(session, set, contexts, plan, options);
    },
  };
}
