/**
 * Which training timesteps a sampler visits (Lin et al. 2024, "Common Diffusion Noise Schedules and
 * Sample Steps are Flawed", table 2), with the rounding of diffusers v0.27 per scheduler class.
 */
import type { SchedulerName } from '../contract/spec.ts';

export type Spacing = 'leading' | 'trailing' | 'linspace';

export type TimestepConfig = {
  readonly numTrainTimesteps: number;
  readonly spacing: Spacing;
  readonly stepsOffset: number;
};

/**
 * Timesteps handed to the network, first to last; one entry per evaluation.
 *
 * PNDM evaluates its second timestep twice, so it has one entry more than `steps` (for steps > 1).
 * Euler with linspace visits fractional timesteps. The list is what diffusers makes and may not be
 * usable (1000 leading steps start at t = 1000); `createScheduler` is where that is refused.
 *
 * @param steps integer from 1 to numTrainTimesteps
 */
export function inferenceTimesteps(kind: SchedulerName, config: TimestepConfig, steps: number): number[] {
  const visited = spaced(kind, config, steps);
  const second = visited[1];
  if (kind !== 'pndm' || second === undefined) return visited;
  return [...visited.slice(0, 2), second, ...visited.slice(2)];
}

function spaced(kind: SchedulerName, config: TimestepConfig, steps: number): number[] {
  const { numTrainTimesteps: T, stepsOffset } = config;
  // DPM-Solver++ spaces steps + 1 points and drops the lowest, so that no step starts at the data end.
  const points = kind === 'dpmpp2m' && config.spacing !== 'trailing' ? steps + 1 : steps;
  switch (config.spacing) {
    case 'leading': {
      const ratio = Math.floor(T / points);
      return ascending(points, (i) => i * ratio + stepsOffset)
        .reverse()
        .slice(0, steps);
    }
    case 'linspace': {
      const step = points > 1 ? (T - 1) / (points - 1) : 0;
      const store = kind === 'euler' ? Math.fround : roundHalfToEven;
      return ascending(points, (i) => store(i === points - 1 && i > 0 ? T - 1 : i * step))
        .reverse()
        .slice(0, steps);
    }
    case 'trailing': {
      // numpy's arange adds i * ((T - ratio) - T), not i * ratio. For some step counts it also runs one
      // past the end, to t = -1; that entry is dropped here.
      const ratio = T / steps;
      const delta = T - ratio - T;
      return ascending(steps, (i) => roundHalfToEven(T + i * delta) - 1);
    }
    default:
      return config.spacing satisfies never;
  }
}

function ascending(count: number, value: (i: number) => number): number[] {
  return Array.from({ length: count }, (_, i) => value(i));
}

/** np.round: ties go to the even neighbor. */
function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const fraction = x - floor;
  if (fraction !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
