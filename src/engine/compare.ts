/** The same seeds with and without an adapter. */
import type { MetricRecord, PixelImage } from '../contract/events.ts';
import type { ComparePair, CompareRequest } from '../contract/protocol.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import { tune } from '../jobs/evaluateStage.ts';
import { adapterOfRun } from '../jobs/trained.ts';
import { bytesSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { measureImage } from '../metrics/metric.ts';
import { decodeImages } from '../procedures/decodeImages.ts';
import { type DrawnCandidate, drawPool } from '../procedures/drawPool.ts';
import { scoreOfTrace } from '../procedures/scoring.ts';
import { type Session, sessionScheduler } from '../procedures/session.ts';
import { applyAdapter, type Tuned } from '../procedures/tuned.ts';
import { loadAdapter as loadStoredAdapter } from '../storage/adapterStore.ts';
import { BROWSER } from '../storage/browser.ts';
import { openRunStore } from '../storage/runStore.ts';
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
  const { tuned, session } = await openTuned(engine, request.adapter);
  const total = 2 * request.prompts.length * request.seeds.length;
  let done = 0;
  const draw = async (model: Tuned | null): Promise<Shown[]> => {
    const scheduler = sessionScheduler(session, 'ddpm', request.steps);
    const candidates = request.seeds.map((seed, candidate) => ({ candidate, seed }));
    const tasks = request.prompts.map((text, prompt) => ({ prompt, text, candidates }));
    const drawn: DrawnCandidate[] = [];
    const batches = drawPool(session, model, tasks, {
      scheduler,
      guidance: request.guidance,
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
    const shown: Shown[] = [];
    for (const [i, c] of drawn.entries()) {
      const image = images[i] as PixelImage;
      const text = request.prompts[c.prompt] as string;
      const { score } = scoreOfTrace(session.schedule, scheduler.timesteps, c.squaredDifference, SCORE);
      shown.push({ image, score, metrics: await measureImage(engine.meters, image, text) });
    }
    return shown;
  };
  try {
    const before = await draw(null);
    const after = await draw(tuned);
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
    tuned.dispose();
  }
}

/** `run:<id>`, `run:<id>:<version>` or `import:<id>`, ready to draw with, at the run's image size. @throws StudioError `adapter-missing` */
async function openTuned(engine: Engine, adapter: string): Promise<{ tuned: Tuned; session: Session }> {
  const [kind, id = '', version] = adapter.split(':');
  if (kind === 'run') {
    const store = openRunStore(BROWSER, id);
    const { spec } = await store.load();
    const best = await adapterOfRun(store, 'best', version === undefined ? undefined : Number(version));
    return { tuned: await tune({ session: engine.session, spec }, best), session: engine.sessionOf(spec) };
  }
  const stored = kind === 'import' ? await loadStoredAdapter(id) : null;
  if (stored === null) {
    throw new StudioError('adapter-missing', 'There is no adapter to compare with.', {
      where: adapter,
      remedy: 'Train a run to the end, or drop an adapter file.',
    });
  }
  const file = await openSafetensors(bytesSource(stored, 'the imported adapter'));
  const { session } = engine;
  return { tuned: await applyAdapter(session, await engine.loadAdapter(file, null)), session };
}
