/** Steps that make and measure the study's real images (Table 7): rendered scenes with web-like captions. */
import type { Design } from './design.ts';
import { measureId } from './measures.ts';
import type {
  CaptionedImage,
  Measured,
  MeasureRequest,
  MeasureResult,
  RealRequest,
  RealResult,
} from './protocol.ts';
import type { Step } from './steps.ts';
import type { Store } from './store.ts';

/** Real images offered per image of the set: of three the best by re-noised MI is taken when all are replaced. */
const OFFERED = 3;
const BLOCK = 16;
/** Scenes set aside per image, since scenes of one object are passed over. */
const SPACING = 10;

/** The part of a set that its real images depend on. */
type RealSet = {
  readonly categories: readonly string[];
  readonly prompts: number;
  readonly keep: number;
  readonly replicate: number;
};

function blocksOf({ categories, prompts, keep, replicate }: RealSet): readonly number[] {
  const count = Math.ceil((OFFERED * categories.length * prompts * keep) / BLOCK);
  return Array.from({ length: count }, (_, i) => (replicate * count + i) * BLOCK);
}

const realId = (first: number): string => `real/${first}x${BLOCK}`;

export function realSteps(design: Design, set: RealSet): Step[] {
  const { timesteps, draws } = design.renoise;
  const label = { part: '3', item: 'real images' } as const;
  return blocksOf(set).flatMap((first): Step[] => [
    {
      ...label,
      id: realId(first),
      needs: [],
      cost: { evaluations: 0, images: BLOCK, samples: 0 },
      request: (): RealRequest => ({ kind: 'real', first: first * SPACING, count: BLOCK }),
    },
    {
      ...label,
      id: measureId(design.renoise, realId(first)),
      needs: [realId(first)],
      cost: { evaluations: 2 * timesteps * draws * BLOCK, images: 0, samples: 0 },
      request: (store): MeasureRequest => {
        const { images } = store.read<RealResult>(realId(first));
        return { kind: 'measure', images, timesteps, draws };
      },
    },
  ]);
}

export function realIds(design: Design, set: RealSet): string[] {
  return blocksOf(set).flatMap((first) => [realId(first), measureId(design.renoise, realId(first))]);
}

type RealImage = {
  readonly image: CaptionedImage;
  readonly measured: Measured;
  readonly plan: MeasureResult['plan'];
};

export function realImages(store: Store, design: Design, set: RealSet): readonly RealImage[] {
  return blocksOf(set).flatMap((first) => {
    const { images } = store.read<RealResult>(realId(first));
    const { images: measured, plan } = store.read<MeasureResult>(measureId(design.renoise, realId(first)));
    return images.map((image, i) => ({ image, measured: measured[i] as Measured, plan }));
  });
}
