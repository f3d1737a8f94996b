/** Times network evaluations between two arrivals of candidates and remembers the result for forecasts. */
import { blendSpeed, readSpeed, writeSpeed } from '../setup/speed.ts';

export type SpeedMeter = {
  /** Forgets the last arrival, for instance because the run was paused. */
  readonly reset: () => void;
  readonly count: (evaluations: number, model: string, backend: string) => void;
};

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
