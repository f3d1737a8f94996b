/** The same prompts and seeds drawn in several ways: adapters, methods, both, or neither. */

import type {
  CompareColumn,
  ComparedImage,
  CompareRequest,
  Comparison,
  DrawnComparison,
} from '../contract/comparison.ts';
import type { PixelImage } from '../contract/events.ts';
import { StudioError } from '../lib/errors.ts';
import { drawRuleOf } from '../methods/code.ts';
import { columnEvaluations } from '../methods/registry.ts';
import { decodeImages } from '../procedures/decodeImages.ts';
import type { DrawnCandidate } from '../procedures/drawJob.ts';
import { drawPool } from '../procedures/drawPool.ts';
import { measureImages } from '../procedures/measureImages.ts';
import { scoreOfTrace } from '../procedures/scoring.ts';
import { sessionScheduler } from '../procedures/session.ts';
import { BROWSER } from '../storage/browser.ts';
import { keepComparison } from '../storage/comparisons.ts';
import { openTuned } from './adapterSources.ts';
import type { Engine } from './engine.ts';

/** How the compared images are scored: a ranking within a prompt, as on the guided path by default. */
const SCORE = { weights: 'code', truncation: 50 } as const;
const BATCH = 4;

/**
 * Column by column; each adapter is on the device only while its column is drawn.
 * @throws StudioError `compare-nothing`, and of adapters and methods that cannot be opened, before anything is drawn
 */
export async function compare(
  engine: Engine,
  request: CompareRequest,
  options: {
    readonly signal: AbortSignal;
    readonly onProgress: (done: number, total: number) => void;
    /** Seconds on some steady clock. */
    readonly now: () => number;
  },
): Promise<DrawnComparison> {
  const { columns, prompts, seeds, steps, guidance, readings, keepWith } = request;
  if (columns.length === 0 || prompts.length === 0 || seeds.length === 0) {
    throw new StudioError('compare-nothing', 'There is nothing to compare.', {
      remedy: 'Choose at least one column, one prompt and one seed.',
    });
  }
  const costs = columns.map((column) => columnEvaluations(column, request));
  const perColumn = prompts.length * seeds.length;
  const drawn: { readonly images: readonly ComparedImage[]; readonly seconds: number }[] = [];
  for (const [n, column] of columns.entries()) {
    drawn.push(
      await drawColumn(column, (done) =>
        options.onProgress(n * perColumn + done, columns.length * perColumn),
      ),
    );
  }
  const comparison: Comparison = {
    columns: columns.map((column, n) => ({
      ...column,
      evaluations: costs[n] as number,
      secondsPerImage: (drawn[n]?.seconds ?? 0) / perColumn,
    })),
    rows: prompts.flatMap((prompt, p) =>
      seeds.map((seed, s) => ({
        prompt,
        seed,
        images: drawn.map(({ images }) => images[p * seeds.length + s] as ComparedImage),
      })),
    ),
    steps,
    guidance,
  };
  return { comparison, kept: await keepComparison(BROWSER, keepWith, comparison) };

  async function drawColumn({ adapter, strength, drawnBy }: CompareColumn, onImages: (done: number) => void) {
    const { tuned, session } =
      adapter === null
        ? { tuned: null, session: engine.session }
        : await openTuned(engine, adapter, strength);
    try {
      const scheduler = sessionScheduler(session, 'ddpm', steps);
      const candidates = seeds.map((seed, candidate) => ({ candidate, seed }));
      const tasks = prompts.map((text, prompt) => ({ prompt, text, candidates }));
      const rule = await drawRuleOf({
        ...(drawnBy === undefined ? {} : { drawnBy }),
        ...(readings === undefined ? {} : { readings }),
      });
      const all: DrawnCandidate[] = [];
      const { signal } = options;
      const from = options.now();
      for await (const batch of drawPool(session, tuned, tasks, {
        scheduler,
        guidance,
        rule,
        batch: BATCH,
        signal,
      })) {
        all.push(...batch);
        onImages(all.length);
      }
      const seconds = options.now() - from;
      // All at once: the decoder may have to be loaded for it.
      const images = await decodeImages(
        session,
        all.map((c) => c.latent),
      );
      const shots = all.map((c, i) => ({
        image: images[i] as PixelImage,
        text: prompts[c.prompt] as string,
      }));
      const measured = await measureImages(session, engine.metersOf(session), shots);
      return {
        seconds,
        images: all.map((c, i): ComparedImage => {
          const { score } = scoreOfTrace(session.schedule, scheduler.timesteps, c.squaredDifference, SCORE);
          return { image: images[i] as PixelImage, score, metrics: measured[i] ?? {} };
        }),
      };
    } finally {
      tuned?.dispose();
    }
  }
}
