import { type GalleryState, picksOf, useGallery } from '../../state/run/gallery.ts';
import { useRuns } from '../../state/run/runs.ts';
import { countPicks } from '../../state/run/selection.ts';
import { useTraining } from '../../state/run/training.ts';
import type { StagePage } from '../../state/setup/url.ts';
import { formatCount, formatPlural } from '../format.ts';

/** How far each stage of the open run is, in a few characters. */
export function useStageNotes(): Readonly<Record<StagePage, string | null>> {
  const images = useGallery(countImages);
  const picks = useGallery((state) => countPicks(picksOf(state)));
  const step = useTraining((state) => state.train.at(-1)?.step ?? null);
  const evaluated = useTraining((state) => state.evaluations.length > 0);
  const iterations = useRuns((state) => state.open?.spec.training.iterations ?? null);
  return {
    build: images === 0 ? null : `${formatCount(images)}`,
    select: picks === 0 ? null : `${formatCount(picks)} kept`,
    agreement: null,
    train: step === null ? null : `${formatCount(step)} / ${formatCount(iterations ?? 0)}`,
    compare: evaluated ? 'measured' : null,
    download: null,
  };
}

/** What the open run has so far, in one line. */
export function useRunFacts(): string {
  const images = useGallery(countImages);
  const picks = useGallery((state) => countPicks(picksOf(state)));
  const step = useTraining((state) => state.train.at(-1)?.step ?? 0);
  const facts = [formatPlural(images, 'image'), `${formatCount(picks)} kept`];
  if (step > 0) facts.push(formatPlural(step, 'training step'));
  return images === 0 ? '' : facts.join(', ');
}

function countImages({ rounds, round }: GalleryState): number {
  let count = 0;
  for (const records of rounds.get(round)?.values() ?? []) count += records.length;
  return count;
}
