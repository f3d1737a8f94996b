/** Steps that noise the images of a pool again, and what they found. */
import type { RenoiseMeasurement } from '../../src/mi/renoisedScore.ts';
import type { Design } from './design.ts';
import { type Candidate, type Draw, drawIds, findDrawn, ownPart } from './draws.ts';
import type { DrawResult, MeasureRequest, MeasureResult } from './protocol.ts';
import type { Step, StudyPart } from './steps.ts';
import type { Store } from './store.ts';

/** Timesteps at the middles of equal parts of 0..T-1, and noises at each. */
type Renoising = { readonly timesteps: number; readonly draws: number };

export type MeasuredCandidate = Candidate & {
  /** Under common noises; null where the pool was not noised again. */
  readonly renoised: readonly RenoiseMeasurement[] | null;
};

export function measureId({ timesteps, draws }: Renoising, imagesId: string): string {
  return `measure/${timesteps}x${draws}/${imagesId}`;
}

export function measureIds(design: Design, draw: Draw, renoising: Renoising): string[] {
  return drawIds(design, draw).map((id) => measureId(renoising, id));
}

export function measureSteps(
  design: Design,
  draw: Draw,
  { timesteps, draws }: Renoising,
  label: { readonly part: StudyPart; readonly item: string },
): Step[] {
  return drawIds(design, draw).map((drawId) => ({
    ...label,
    id: measureId({ timesteps, draws }, drawId),
    needs: [drawId],
    cost: { evaluations: 2 * timesteps * draws * design.block, images: 0, samples: 0 },
    request: (store): MeasureRequest => {
      const { images } = store.read<DrawResult>(drawId);
      return {
        kind: 'measure',
        images: images.map(({ latent }) => ({ text: draw.text, latent })),
        timesteps,
        draws,
      };
    },
  }));
}

/** The images of a draw with their measurements, or undefined while some are not there. */
export function findMeasured(
  store: Store,
  design: Design,
  draw: Draw,
  renoising: Renoising,
): readonly MeasuredCandidate[] | undefined {
  const drawn = findDrawn(store, design, draw);
  const results = measureIds(design, draw, renoising).map((id) => store.find<MeasureResult>(id));
  if (drawn === undefined || results.some((result) => result === undefined)) return undefined;
  const measured = results.flatMap((result) =>
    (result?.images ?? []).map((image) =>
      (result?.plan ?? []).map(({ t, draw: index }, i) => ({
        t,
        draw: index,
        squaredDifference: image.difference[i] ?? Number.NaN,
        uncondError: image.uncond[i] ?? Number.NaN,
        condError: image.cond[i] ?? Number.NaN,
      })),
    ),
  );
  const own = ownPart(design, draw, measured);
  return drawn.map((candidate, i) => ({ ...candidate, renoised: own[i] ?? null }));
}
