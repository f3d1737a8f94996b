/**
 * The samplers with memory, PNDM and DPM-Solver++ 2M: former outputs enter the one combination of a step
 * directly, so nothing derived from them is stored.
 */
import { alphaBarAt, type Grid } from './grid.ts';
import type { Past, Scheduler } from './scheduler.ts';
import type { SchedulerConfig } from './schedulerConfig.ts';
import { dpmFirstOrder, dpmOriginal, dpmSecondOrder } from './schedulers/dpmSolverPP2M.ts';
import { PLMS_MEMORY, PLMS_REPAIR_WEIGHTS, plmsWeights, pndmTransfer } from './schedulers/pndm.ts';
import type { Term } from './vectorSpace.ts';

/** PNDM: evaluation 1 repeats the first interval from the stored first sample, and is not remembered. */
export function plms(grid: Grid): Pick<Scheduler, 'step'> {
  const { config, timesteps, stride } = grid;
  return {
    step(space, state, i, { output }) {
      const t = timesteps[i] ?? 0;
      const repair = i === 1;
      const from = repair ? t + stride : t;
      const levels = { alphaBar: alphaBarAt(grid, from), alphaBarPrev: alphaBarAt(grid, from - stride) };
      const transfer = pndmTransfer(config.prediction, levels);
      const outputs = [output, ...state.past.map((p) => p.output)];
      const weights = repair ? PLMS_REPAIR_WEIGHTS : plmsWeights(state.past.length);
      const base = (repair ? state.past[0]?.z : null) ?? state.z;
      const terms: Term<typeof output>[] = [[transfer.z, base]];
      for (const [j, weight] of weights.entries()) {
        const o = outputs[j];
        if (o !== undefined) terms.push([transfer.output * weight, o]);
      }
      const past: Past<typeof output>[] = repair
        ? state.past.map((p) => ({ z: null, output: p.output }))
        : [{ z: i === 0 ? state.z : null, output }, ...state.past].slice(0, PLMS_MEMORY);
      return { z: space.combine(terms), past };
    },
  };
}

/**
 * DPM-Solver++: first order at the start and, to land on noise level 0, at the end.
 *
 * @param sigmas noise level at every evaluation and after the last, strictly falling
 */
export function multistepDpm(config: SchedulerConfig, sigmas: readonly number[]): Pick<Scheduler, 'step'> {
  const { prediction, solver, finalSigma } = config;
  const sigmaAt = (i: number) => sigmas[i] ?? 0;
  const count = sigmas.length - 1;
  // Short runs end at first order for stability (diffusers: fewer than 15 steps).
  const firstAtEnd = solver.eulerAtFinal || finalSigma === 'zero' || (solver.lowerOrderFinal && count < 15);
  return {
    step(space, state, i, { output }) {
      const before = state.past[0];
      const levels = { sigma: sigmaAt(i), sigmaNext: sigmaAt(i + 1) };
      const firstOrder = solver.order === 1 || before === undefined || (firstAtEnd && i === count - 1);
      const step = firstOrder
        ? dpmFirstOrder(levels)
        : dpmSecondOrder(solver.type, { ...levels, sigmaBefore: sigmaAt(i - 1) });
      const now = dpmOriginal(prediction, levels.sigma);
      const terms: Term<typeof output>[] = [
        [step.sample + step.now * now.z, state.z],
        [step.now * now.output, output],
      ];
      if (step.before !== 0 && before !== undefined && before.z !== null) {
        const then = dpmOriginal(prediction, sigmaAt(i - 1));
        terms.push([step.before * then.z, before.z], [step.before * then.output, before.output]);
      }
      return { z: space.combine(terms), past: solver.order === 1 ? [] : [{ z: state.z, output }] };
    },
  };
}
