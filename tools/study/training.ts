/** Steps that train an adapter on a set. */
import type { NoiseSchedule } from '../../src/diffusion/schedule.ts';
import type { Design, Settings } from './design.ts';
import { type AdapterRef, adapterFile } from './draws.ts';
import type { TrainRequest } from './protocol.ts';
import { buildSet, isNoisedAgain, type SetSpec, setName, setNeeds } from './sets.ts';
import type { Step, StudyPart } from './steps.ts';

export type Training = {
  readonly set: SetSpec;
  readonly settings: Settings;
  /** Adapter of the round before, which training goes on from. */
  readonly start: AdapterRef | null;
};

export function trainingId(design: Design, { set, settings }: Training): string {
  const { learningRate, iterations, batch, kind, rank, textEncoder } = settings;
  const adapter = `${kind}${rank}${textEncoder ? '+text' : ''}`;
  const sampling = [`s${design.steps}x${design.block}`, ...measuredBy(design, set)].join('-');
  return `train/${setName(set)}/${sampling}/lr${learningRate}-i${iterations}-b${batch}-${adapter}`;
}

/** How the images that the set is chosen from were noised again, where that decides. */
function measuredBy({ selection, renoise }: Design, set: SetSpec): string[] {
  return [...(isNoisedAgain(set) ? [selection] : []), ...(set.realShare > 0 ? [renoise] : [])].map(
    ({ timesteps, draws }) => `n${timesteps}x${draws}`,
  );
}

/** The adapter that training ends with. */
export function trainedAdapter(design: Design, training: Training): AdapterRef {
  return { training: trainingId(design, training), step: training.settings.iterations };
}

/**
 * @param keepAt optimizer steps at which the adapter is kept as well as at the end
 */
export function trainingStep(
  design: Design,
  schedule: NoiseSchedule,
  training: Training,
  label: { readonly part: StudyPart; readonly item: string },
  keepAt: readonly number[] = [],
): Step {
  const { set, settings, start } = training;
  const { learningRate, iterations, batch, kind, rank, textEncoder } = settings;
  const steps = [...new Set([...keepAt, iterations])].sort((a, b) => a - b);
  return {
    ...label,
    id: trainingId(design, training),
    needs: [...setNeeds(design, set), ...(start === null ? [] : [start.training])],
    cost: { evaluations: 0, images: 0, samples: iterations * batch },
    request: (store): TrainRequest => ({
      kind: 'train',
      images: buildSet(store, schedule, design, set),
      adapter: kind,
      rank,
      textEncoder,
      learningRate,
      batch,
      keepAt: steps,
      seed: 1000 * set.replicate + set.round,
      start: adapterFile(store, start),
    }),
  };
}
