/** Metrics of a pool's images after they were drawn: those that a metric has not measured, or asked something else about. */
import { isMeasured, withDerived } from '../metrics/measure.ts';
import type { Meter } from '../metrics/metric.ts';
import { decodeImages } from '../procedures/decodeImages.ts';
import { withMeter } from '../procedures/measureImages.ts';
import type { Session } from '../procedures/session.ts';
import type { PoolLog } from '../storage/poolLog.ts';
import type { ScoreEntry } from '../storage/runRecord.ts';
import type { RunStore } from '../storage/runStore.ts';
import { candidateKey, scoresOfRound } from './rankPool.ts';

/** Images between two writes: what an interruption costs at most. */
const BATCH = 8;

export type PoolOfRound = {
  readonly session: Session;
  readonly store: RunStore;
  readonly prompts: readonly string[];
  readonly round: number;
  readonly pool: PoolLog;
};

type MeasureOptions = {
  readonly signal: AbortSignal;
  /** A batch was stored: these entries replace those before. */
  readonly onStored: (entries: readonly ScoreEntry[], done: number, total: number) => void;
};

export type MeasuredPool = {
  readonly images: number;
  /** Of these, measured before with other questions: the new numbers stand in their place. */
  readonly again: number;
};

/** Entries of the round that are in the pool and that the metric has something new to say about. */
export async function unmeasuredEntries(
  { store, prompts, round, pool }: Omit<PoolOfRound, 'session'>,
  meter: Meter,
): Promise<readonly ScoreEntry[]> {
  const scores = scoresOfRound(await store.series.load('scores'), round);
  const open: ScoreEntry[] = [];
  for (const { prompt, candidate } of pool.entries()) {
    const entry = scores.get(candidateKey(prompt, candidate));
    if (entry === undefined) continue;
    if (!(await isMeasured(meter, entry.metrics, prompts[prompt] as string))) open.push(entry);
  }
  return open;
}

/** Measures what is open, batch by batch; each is stored at once, so that it goes on where it stopped. */
export async function measurePool(
  of: PoolOfRound,
  meter: Meter,
  { signal, onStored }: MeasureOptions,
): Promise<MeasuredPool> {
  const open = await unmeasuredEntries(of, meter);
  const { name } = meter.metric;
  const again = open.filter((entry) => name in entry.metrics).length;
  if (open.length === 0) return { images: 0, again };
  const { session, store, prompts, pool } = of;
  await withMeter(session, meter, async () => {
    await meter.prepare([...new Set(open.map(({ prompt }) => prompts[prompt] as string))]);
    const release = await session.model.parts.vae.hold();
    try {
      for (let from = 0; from < open.length; from += BATCH) {
        signal.throwIfAborted();
        const batch = open.slice(from, from + BATCH);
        const images = await decodeImages(
          session,
          batch.map((entry) => pool.latents([entry])),
        );
        const measured: ScoreEntry[] = [];
        for (const [i, image] of images.entries()) {
          const entry = batch[i] as ScoreEntry;
          const prompt = prompts[entry.prompt] as string;
          const found = await meter.measure(image, prompt);
          if (found === null) continue;
          const metrics = await withDerived({ ...entry.metrics, [name]: found }, prompt);
          measured.push({ ...entry, metrics });
        }
        await store.series.append('scores', measured);
        onStored(measured, from + batch.length, open.length);
      }
    } finally {
      release();
    }
  });
  return { images: open.length, again };
}
