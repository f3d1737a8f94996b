/** How long a run takes on this machine: what its units take by the load plans, set right by what was measured since. */
import { drawingCores } from '../../contract/backend.ts';
import type { LoadPlan, PlanMode, PlanSeconds } from '../../contract/loadPlan.ts';
import type { BackendReport, ModelReport } from '../../contract/runTypes.ts';
import type { MiTuneSpec } from '../../contract/spec.ts';
import { drawingMethod } from '../../methods/registry.ts';
import type { Forecast } from './forecast.ts';
import { readSpeed, type TextStore } from './speed.ts';

export type TimeEstimate = {
  /** Seconds of each part of a run. */
  readonly drawing: number;
  readonly training: number;
  readonly evaluation: number;
  /** `timed`: by the kernels alone, as they were timed at the start. `measured`: by images drawn with this model before. */
  readonly basis: 'timed' | 'measured';
};

type Machine = {
  readonly store: TextStore;
  readonly model: Pick<ModelReport, 'name' | 'imageSize' | 'sizeBytes'>;
  readonly backend: BackendReport;
};

/** Seconds of a run; null where its units could not be timed. */
export function estimateTime(
  cost: Forecast,
  { generate, train }: Readonly<Record<PlanMode, Pick<LoadPlan, 'seconds' | 'settings'>>>,
  run: Pick<MiTuneSpec, 'method' | 'drawnBy'> & { readonly rounds: number },
  { store, model, backend }: Machine,
): TimeEstimate | null {
  const { drawn, drawnTuned, decoded } = generate.seconds;
  if (drawn === undefined || drawnTuned === undefined || decoded === undefined) return null;
  const { trained = 0 } = train.seconds;
  const each = { drawn, drawnTuned, decoded, trained };
  // Large models decode when somebody looks.
  const decodes = generate.settings.parts === 'resident';
  const planned = drawn + (decodes ? decoded / cost.perImage : 0);
  const measured = readSpeed(store, model.name, backend.name);
  // Measured at the model’s own size, or as if it had been.
  const pixels = (generate.settings.size / model.imageSize) ** 2;
  const slower = measured === null ? 1 : (measured * pixels) / planned;
  const parts = partsOf(cost, each, { decodes, rounds: run.rounds, cores: coresOf(run, model, backend) });
  return {
    drawing: slower * parts.drawing,
    training: slower * parts.training,
    evaluation: slower * parts.evaluation,
    basis: measured === null ? 'timed' : 'measured',
  };
}

type Way = { readonly decodes: boolean; readonly rounds: number; readonly cores: number };

/** Seconds at the plan’s speeds. Only images are drawn by several workers. */
function partsOf(
  cost: Forecast,
  { drawn, drawnTuned, decoded, trained }: Required<PlanSeconds>,
  { decodes, rounds, cores }: Way,
): Omit<TimeEstimate, 'basis'> {
  // The first round draws from the base model, later ones with the adapter of the round before.
  const inRounds = (drawn + (rounds - 1) * drawnTuned) / rounds;
  const images = decodes ? cost.finished * rounds * decoded : 0;
  return {
    drawing: (cost.samplingEvaluations / cores + cost.scoringEvaluations) * inRounds + images,
    training: cost.trainingEvaluations * trained,
    evaluation: (cost.redrawnEvaluations / cores + cost.judgingEvaluations) * drawnTuned,
  };
}

/**
 * Workers that draw a run’s images side by side: a method’s own rule keeps to one. Threads, where there are some, are in the
 * times of the kernels already.
 */
export function coresOf(
  methods: Pick<MiTuneSpec, 'method' | 'drawnBy'>,
  model: Pick<ModelReport, 'sizeBytes'>,
  backend: Pick<BackendReport, 'name' | 'cores' | 'threads'>,
): number {
  if (drawingMethod(methods) !== null) return 1;
  return Math.max(1, drawingCores(backend, model.sizeBytes) / (backend.threads ?? 1));
}
