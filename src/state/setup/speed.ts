/** Seconds per network evaluation as measured on this machine, kept for the next forecast. */
import * as v from 'valibot';

const KEY = 'mi-tune-speed';
const NEWEST_SHARE = 0.3;
const speedSchema = v.record(v.string(), v.pipe(v.number(), v.finite(), v.minValue(0)));

/** The part of Web Storage that is needed. */
export type TextStore = Pick<Storage, 'getItem' | 'setItem'>;

/** Mixes a new measurement into the running mean. */
export function blendSpeed(before: number | null, measured: number): number {
  return before === null ? measured : before * (1 - NEWEST_SHARE) + measured * NEWEST_SHARE;
}

/** Seconds of a network evaluation as last measured here; null where nothing was. */
export function readSpeed(store: TextStore, model: string, backend: string): number | null {
  return readAll(store)[`${model} ${backend}`] ?? null;
}

/** Remembers a speed beyond this visit, where the browser allows it. */
export function writeSpeed(
  store: TextStore,
  model: string,
  backend: string,
  secondsPerEvaluation: number,
): void {
  try {
    store.setItem(KEY, JSON.stringify({ ...readAll(store), [`${model} ${backend}`]: secondsPerEvaluation }));
  } catch {
    // Storage that is full or switched off only costs the estimate.
  }
}

type SpeedMeter = {
  /** Forgets the last arrival, for instance because the run was paused. */
  readonly reset: () => void;
  readonly count: (evaluations: number, model: string, backend: string) => void;
};

/** Times network evaluations between two arrivals of candidates and remembers the result for forecasts. */
export function createSpeedMeter(): SpeedMeter {
  let lastAt: number | null = null;
  return {
    reset: () => {
      lastAt = null;
    },
    count: (evaluations, model, backend) => {
      const now = performance.now();
      if (lastAt !== null && evaluations > 0) {
        const measured = (now - lastAt) / 1000 / evaluations;
        writeSpeed(
          localStorage,
          model,
          backend,
          blendSpeed(readSpeed(localStorage, model, backend), measured),
        );
      }
      lastAt = now;
    },
  };
}

function readAll(store: TextStore): Record<string, number> {
  try {
    const result = v.safeParse(speedSchema, JSON.parse(store.getItem(KEY) ?? '{}'));
    return result.success ? result.output : {};
  } catch {
    return {};
  }
}
