/** The same seeds with and without an adapter, a method's way of drawing, or both. */
import type { MetricRecord, PixelImage } from '../contract/events.ts';
import type { ComparePair, CompareRequest } from '../contract/protocol.ts';
import { drawRuleOf } from '../methods/code.ts';
import { decodeImages } from '../procedures/decodeImages.ts';
import { type DrawnCandidate, drawPool } from '../procedures/drawPool.ts';
import { type DrawRule, guidanceRule } from '../procedures/drawRule.ts';
import { measureImages } from '../procedures/measureImages.ts';
import { scoreOfTrace } from '../procedures/scoring.ts';
import { sessionScheduler } from '../procedures/session.ts';
import type { Tuned } from '../procedures/tuned.ts';
import { openTuned } from './adapterSources.ts';
import type { Engine } from './engine.ts';

/** How the compared images are scored: a ranking within a prompt, as on the guided path by default. */
const SCORE = { weights: 'code', truncation: 50 } as const;
const BATCH = 4;

type Shown = {
  readonly image: PixelImage;
  readonly score: number;
  readonly metrics: MetricRecord;
};

export async function compare(
  engine: Engine,
  request: CompareRequest,
  options: { readonly signal: AbortSignal; readonly onProgress: (done: number, total: number) => void },
): Promise<readonly ComparePair[]> {
  const { adapter, strength } = request;
  const { tuned, session } =
    adapter === null ? { tuned: null, session: engine.session } : await openTuned(engine, adapter, strength);
  const total = 2 * request.prompts.length * request.seeds.length;
  let done = 0;
  const draw = async (model: Tuned | null, rule: DrawRule): Promise<Shown[]> => {
    const scheduler = sessionScheduler(session, 'ddpm', request.steps);
    const candidates = request.seeds.map((seed, candidate) => ({ candidate, seed }));
    const tasks = request.prompts.map((text, prompt) => ({ prompt, text, candidates }));
    const drawn: DrawnCandidate[] = [];
    const batches = drawPool(session, model, tasks, {
      scheduler,
      guidance: request.guidance,
      rule,
      batch: BATCH,
      signal: options.signal,
    });
    for await (const batch of batches) {
      drawn.push(...batch);
      done += batch.length;
      options.onProgress(done, total);
    }
    // All at once: the decoder may have to be loaded for it.
    const images = await decodeImages(
      session,
      drawn.map((c) => c.latent),
    );
    const shots = drawn.map((c, i) => ({
      image: images[i] as PixelImage,
      text: request.prompts[c.prompt] as string,
    }));
    const measured = await measureImages(session, engine.meters, shots);
    return drawn.map((c, i): Shown => {
      const { score } = scoreOfTrace(session.schedule, scheduler.timesteps, c.squaredDifference, SCORE);
      return { image: images[i] as PixelImage, score, metrics: measured[i] as MetricRecord };
    });
  };
  try {
    const before = await draw(null, guidanceRule);
    const after = await draw(tuned, await drawRuleOf(request));
    return before.map((b, i): ComparePair => {
      const a = after[i] as Shown;
      return {
        prompt: request.prompts[Math.floor(i / request.seeds.length)] as string,
        seed: request.seeds[i % request.seeds.length] as number,
        before: b.image,
        after: a.image,
        scoreBefore: b.score,
        scoreAfter: a.score,
        metricsBefore: b.metrics,
        metricsAfter: a.metrics,
      };
    });
  } finally {
    tuned?.dispose();
  }
}
