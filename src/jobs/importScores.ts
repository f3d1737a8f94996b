/** Scores of other programs for a pool's images, stored as metrics like the others. */
import type { Measured } from '../contract/events.ts';
import { StudioError } from '../lib/errors.ts';
import { fileMetric, hasHashes, parseScores, scoreOf } from '../metrics/t2i/elsewhere.ts';
import type { ScoreEntry } from '../storage/runRecord.ts';
import type { RunStore } from '../storage/runStore.ts';
import { candidateImageName } from './exports.ts';
import { scoresOfRound } from './rankPool.ts';

type ImportedScores = {
  /** Names that the metrics have from now on. */
  readonly names: readonly string[];
  /** Images that got at least one number, and those of the pool without. */
  readonly images: number;
  readonly without: number;
};

type ScoresFile = {
  readonly text: string;
  readonly source: string;
  /** Hashes of a pool's image, for tables that name images by their content. */
  readonly hashesOf: (entry: ScoreEntry) => Promise<readonly string[]>;
};

/**
 * Matches a table with the pool by the file names of the downloaded set, such as `000003_0012.png` for prompt 3, candidate
 * 12, or by content. A metric of the same name is replaced.
 * @throws StudioError `scores-malformed`, `scores-unmatched` where no image of the pool is named
 */
export async function importScores(
  store: RunStore,
  round: number,
  { text, source, hashesOf }: ScoresFile,
): Promise<ImportedScores> {
  const tables = parseScores(text, source);
  const entries = [...scoresOfRound(await store.series.load('scores'), round).values()];
  const byContent = tables.some(hasHashes);
  const changed: ScoreEntry[] = [];
  for (const entry of entries) {
    const image = { fileName: candidateImageName(entry), hashes: byContent ? await hashesOf(entry) : [] };
    const found = tables.flatMap((table): [string, Measured][] => {
      const value = scoreOf(table, image);
      return value === null ? [] : [[fileMetric(table.name), { value }]];
    });
    if (found.length > 0)
      changed.push({ ...entry, metrics: { ...entry.metrics, ...Object.fromEntries(found) } });
  }
  if (changed.length === 0) {
    throw new StudioError('scores-unmatched', `No image of this pool is named in ${source}.`, {
      where: source,
      remedy:
        'Name images as in the downloaded set: 000003_0012.png is candidate 12 of prompt 3, both counted from 0. Or give the SHA-256 of each file as it was downloaded, or of its pixels as RGB bytes.',
    });
  }
  await store.series.append('scores', changed);
  const names = [...new Set(changed.flatMap(({ metrics }) => Object.keys(metrics)))];
  return {
    names: names.filter((name) => tables.some((table) => fileMetric(table.name) === name)),
    images: changed.length,
    without: entries.length - changed.length,
  };
}
