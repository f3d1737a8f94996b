import { type PairedPrompt, type PoolScore, rankPairs } from '../../../analysis/agreement.ts';
import { writeCsv } from '../../../formats/csv.ts';

/** Both scores of every image with their ranks within the prompt, one image a line. */
export function pairsCsv(
  prompts: readonly string[],
  ordering: PoolScore,
  against: PoolScore,
  pairs: readonly PairedPrompt[],
): string {
  const columns = [
    'prompt_index',
    'prompt',
    'candidate',
    ordering.name,
    against.name,
    `rank_${ordering.name}`,
    `rank_${against.name}`,
  ];
  const rows = pairs.flatMap((pair) =>
    rankPairs(pair).map(({ candidate, ranks }, i) => [
      pair.prompt,
      prompts[pair.prompt] ?? '',
      candidate,
      pair.scores[i] ?? null,
      pair.truth[i] ?? null,
      ...ranks,
    ]),
  );
  return writeCsv(columns, rows);
}
