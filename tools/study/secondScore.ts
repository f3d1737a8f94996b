/**
 * The second score of the paper's Table 2, in miniature: the CLIP of the shapes world looks at images that others chose,
 * and chooses none.
 */
import { shapesClip } from '../../src/metrics/clipMetrics.ts';
import { type Draw, type DrawDesign, drawIds, ownPart, samplingOf } from './draws.ts';
import type { DrawResult, MetricRequest, MetricResult } from './protocol.ts';
import type { Step, StudyPart } from './steps.ts';
import type { Store } from './store.ts';

/** The arms whose images it looks at, beside the base model's. */
export const SCORED_AGAIN = ['mi', 'random'] as const;

/** Steps that score the images of a draw again, block by block. */
export function metricSteps(
  design: DrawDesign,
  draw: Draw,
  label: { readonly part: StudyPart; readonly item: string },
): Step[] {
  return drawIds(design, draw).map((drawId) => ({
    ...label,
    id: metricId(drawId),
    needs: [drawId],
    cost: { evaluations: 0, images: samplingOf(design, draw.use).block, samples: 0 },
    request: (store): MetricRequest => {
      const { images } = store.read<DrawResult>(drawId);
      return { kind: 'metric', images: images.map(({ latent }) => ({ text: draw.text, latent })) };
    },
  }));
}

/** A number per image of the draw, or undefined while some are not there. */
export function findMetric(store: Store, design: DrawDesign, draw: Draw): readonly number[] | undefined {
  const results = drawIds(design, draw).map((id) => store.find<MetricResult>(metricId(id)));
  if (results.some((result) => result === undefined)) return undefined;
  return ownPart(
    design,
    draw,
    results.flatMap((result) => result?.values ?? []),
  );
}

function metricId(drawId: string): string {
  return `metric/${shapesClip.name}/${drawId}`;
}
