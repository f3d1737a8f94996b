/** The methods there are, one line each, and how a run's choice of one is read. */
import type { CompareColumn, CompareRequest } from '../contract/comparison.ts';
import { earlyStopOf } from '../contract/earlyStop.ts';
import { accepts, describeRange, type FieldValue } from '../contract/field.ts';
import { presetSettings } from '../contract/presets.ts';
import { settingsProblems } from '../contract/settings.ts';
import type { MethodChoice, MiTuneSpec, Settings } from '../contract/spec.ts';
import { StudioError } from '../lib/errors.ts';
import { attendAndExcite } from './attendAndExcite.ts';
import { dpok } from './dpok.ts';
import { gors } from './gors.ts';
import { hnItm } from './hnItm.ts';
import { GUIDED_EVALUATIONS, guidedEvaluations, type Method, type Options, samplerSteps } from './method.ts';
import { miDpo } from './miDpo.ts';
import { miLoss } from './miLoss.ts';
import { miMaps } from './miMaps.ts';
import { miTune } from './miTune.ts';
import { negativeAware } from './negativeAware.ts';
import { semanticGuidance } from './semanticGuidance.ts';
import { structuredGuidance } from './structuredGuidance.ts';

export const METHODS: readonly Method[] = [
  miTune,
  miDpo,
  negativeAware,
  gors,
  dpok,
  hnItm,
  miLoss,
  attendAndExcite,
  structuredGuidance,
  semanticGuidance,
  miMaps,
];

export type Chosen = { readonly method: Method; readonly options: Options };

/**
 * The method of a choice with a value for each of its options.
 * @param choice absent in runs of earlier versions: MI-TUNE
 * @throws StudioError `method-unknown` or `method-option-invalid`, naming the option
 */
export function chosenMethod(choice: MethodChoice | undefined): Chosen {
  if (choice === undefined) return { method: miTune, options: {} };
  const method = METHODS.find(({ name }) => name === choice.name);
  if (method === undefined) {
    throw new StudioError('method-unknown', `There is no method ${JSON.stringify(choice.name)}.`, {
      where: 'method',
      remedy: `Choose one of ${METHODS.map(({ name }) => name).join(', ')}.`,
    });
  }
  const known = new Set(method.options.map(({ key }) => key));
  for (const key of Object.keys(choice.options)) {
    if (!known.has(key)) throw invalidOption(method, key, `${method.title} has no such option`);
  }
  const options = method.options.map((option): [string, FieldValue] => {
    const value = choice.options[option.key] ?? option.default;
    if (!accepts(option, value)) throw invalidOption(method, option.key, `it takes ${describeRange(option)}`);
    return [option.key, value];
  });
  return { method, options: Object.fromEntries(options) };
}

/** The method that a run's images are drawn by: its own, or the one that `drawnBy` names; null for guidance alone. */
export function drawingMethod(spec: Pick<MiTuneSpec, 'method' | 'drawnBy'>): Chosen | null {
  const own = chosenMethod(spec.method);
  if (own.method.draws) return own;
  if (spec.drawnBy === undefined) return null;
  const other = chosenMethod(spec.drawnBy);
  if (other.method.draws) return other;
  throw new StudioError('method-draws-nothing', `${other.method.title} is not a way of drawing images.`, {
    where: 'drawnBy',
    remedy: `Choose one of ${METHODS.filter((m) => m.draws)
      .map(({ name }) => name)
      .join(', ')}, or none.`,
  });
}

/** Network evaluations of one image: as its way of drawing says, where it depends on the image the most. */
export function evaluationsOfImage(settings: Settings, spec: Pick<MiTuneSpec, 'method' | 'drawnBy'>): number {
  const drawing = drawingMethod(spec);
  if (drawing === null) return guidedEvaluations(settings);
  return drawing.method.cost(settings, drawing.options).perImage;
}

/** The same of one that is stopped early: what its way of drawing adds to guidance may all fall on the first steps. */
export function evaluationsOfStopped(
  settings: Settings,
  spec: Pick<MiTuneSpec, 'method' | 'drawnBy'>,
): number {
  const all = samplerSteps(settings);
  const saved = all - (earlyStopOf(settings, all)?.steps ?? all);
  return evaluationsOfImage(settings, spec) - saved * GUIDED_EVALUATIONS;
}

type AskedRun = Settings & Pick<MiTuneSpec, 'method'>;

/**
 * What is wrong with a run that no single setting can tell, in words to be shown beside Start.
 * @throws StudioError as `chosenMethod`
 */
export function runProblems(run: AskedRun): readonly string[] {
  const early = earlyStopProblem(run);
  return [...settingsProblems(run), ...(early === null ? [] : [early])];
}

/** @throws StudioError `early-stop-unfit` where the run needs what early stopping gives up */
export function checkEarlyStop(run: AskedRun): void {
  const problem = earlyStopProblem(run);
  if (problem === null) return;
  throw new StudioError('early-stop-unfit', problem, {
    where: 'selection.earlyStop',
    remedy: 'Switch early stopping off, or choose another method.',
  });
}

function earlyStopProblem({ selection, method: choice }: AskedRun): string | null {
  if (!selection.earlyStop) return null;
  const { method, options } = chosenMethod(choice);
  const others =
    method.needs.reward && options.reward !== 'mi' ? 'prefers images by another score than MI' : null;
  const why = method.wholePool ?? others;
  return why === null ? null : `Candidates cannot be stopped early: ${method.title} ${why}.`;
}

/** The same of a column of a comparison, which is drawn with DDPM. @throws StudioError as `chosenMethod` */
export function columnEvaluations(
  { drawnBy }: Pick<CompareColumn, 'drawnBy'>,
  { steps, guidance }: Pick<CompareRequest, 'steps' | 'guidance'>,
): number {
  const demo = presetSettings('demo');
  const sampling = { ...demo.sampling, scheduler: 'ddpm', steps, guidance } as const;
  return evaluationsOfImage({ ...demo, sampling }, drawnBy === undefined ? {} : { drawnBy });
}

function invalidOption(method: Method, key: string, why: string): StudioError {
  return new StudioError('method-option-invalid', `The option ${key} of ${method.title}: ${why}.`, {
    where: `method.${key}`,
    remedy: `Options of ${method.title}: ${method.options.map((o) => o.key).join(', ') || 'none'}.`,
  });
}
