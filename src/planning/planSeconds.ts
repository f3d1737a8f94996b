/** What the units of a run take, by the seconds of the phases of a plan. */
import type { PlanMode, PlanSeconds, PlanSettings } from '../contract/loadPlan.ts';
import { presetSettings } from '../contract/presets.ts';
import type { MethodChoice, Settings } from '../contract/spec.ts';
import { chosenMethod, evaluationsOfImage } from '../methods/registry.ts';
import type { PhaseMemory } from './memoryPhases.ts';
import { ACCUMULATION, STEPS } from './rehearsedWork.ts';

type Planned = {
  readonly method?: MethodChoice | undefined;
  readonly drawnBy?: MethodChoice | undefined;
  readonly mode: PlanMode;
  readonly settings: Pick<PlanSettings, 'batch'>;
};

/** Empty where the phases were measured without speeds. */
export function planSeconds(phases: readonly PhaseMemory[], planned: Planned): PlanSeconds {
  const { mode, settings, method: trainedBy, drawnBy } = planned;
  const phase = (name: PhaseMemory['phase']) => phases.find((measured) => measured.phase === name);
  const asMeasured = settingsOf(settings.batch);
  const { seconds, secondsUntuned = seconds } = phase(mode) ?? {};
  const decoded = phase('decode')?.seconds;
  if (seconds === undefined || secondsUntuned === undefined || decoded === undefined) return {};
  if (mode === 'train') {
    const { method, options } = chosenMethod(trainedBy);
    const { perUpdate } = method.cost(asMeasured, options);
    return perUpdate === 0 ? {} : { trained: seconds / perUpdate };
  }
  const ways = {
    ...(trainedBy === undefined ? {} : { method: trainedBy }),
    ...(drawnBy === undefined ? {} : { drawnBy }),
  };
  const evaluations = settings.batch * evaluationsOfImage(asMeasured, ways);
  return { drawn: secondsUntuned / evaluations, drawnTuned: seconds / evaluations, decoded };
}

/** What the phases are measured with, as methods count their cost. */
function settingsOf(batch: number): Settings {
  const { sampling, training, ...others } = presetSettings('paper');
  return {
    ...others,
    sampling: { ...sampling, steps: STEPS, batch },
    training: { ...training, batch, accumulation: ACCUMULATION },
  };
}
