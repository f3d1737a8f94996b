/** A round of any method in the page: what it selects of a pool, what it trains on, and the adapter it ends with. */
import { disposeAdapter } from '../../src/adapters/adapter.ts';
import { restoreAdapter } from '../../src/adapters/state.ts';
import { presetSettings } from '../../src/contract/presets.ts';
import { tuningOf } from '../../src/methods/code.ts';
import type { OnlineRequest, PoolCandidate } from '../../src/methods/methodCode.ts';
import { selectCandidates } from '../../src/mi/select.ts';
import { type Session, sessionScheduler } from '../../src/procedures/session.ts';
import { trainedTargets, trainRound } from '../../src/procedures/trainRound.ts';
import { applyAdapter } from '../../src/procedures/tuned.ts';
import { floatsFromBase64, toBase64 } from './base64.ts';
import { REFERENCE_SCORE, TRAINING } from './design.ts';
import type { AdapterFiles } from './pageTrain.ts';
import type { TrainResult, TuneRequest } from './protocol.ts';

export async function tune(
  session: Session,
  request: TuneRequest,
  files: AdapterFiles,
): Promise<TrainResult> {
  const { method, keep, iterations, learningRate, batch, rank, seed } = request;
  const { tuning, select, items, online } = await tuningOf({ method });
  const latents = new Map(request.pool.map((c) => [keyOf(c), floatsFromBase64(c.latent)]));
  const pool = request.pool.map(({ latent: _, ...c }): PoolCandidate => ({ ...c, metrics: {} }));
  const latent = (c: Place): Float32Array => latents.get(keyOf(c)) as Float32Array;
  const picked = new Set((select?.(pool, keep) ?? topOf(pool, keep)).map(keyOf));
  const chosen = pool.filter((c) => picked.has(keyOf(c)));
  const set =
    items?.({ chosen, pool, latent, seed }) ?? chosen.map((c) => ({ text: c.text, latent: latent(c) }));
  const openStart = async () => (request.start === null ? null : files.open(request.start));
  const adapter = await openStart();
  const signal = new AbortController().signal;
  const source: OnlineRequest = {
    session,
    spec: specOf(request),
    score: {
      scheduler: sessionScheduler(session, 'ddpm', request.steps),
      score: { ...presetSettings('demo').score, ...REFERENCE_SCORE },
      meters: [],
    },
    guidance: request.guidance,
    prompts: [...new Map(pool.map(({ prompt, text }) => [prompt, { prompt, text }])).values()],
    pool,
    poolModel: async () => {
      const before = await openStart();
      return before === null ? null : applyAdapter(session, before);
    },
    seed,
    from: null,
    signal,
  };
  const events = trainRound(session, set, [], adapter === null ? null : { adapter }, {
    ...TRAINING,
    kind: request.adapter,
    rank,
    textEncoder: false,
    learningRate,
    batch,
    seed,
    iterations,
    checkpointEvery: iterations,
    previewEvery: 0,
    origin: { round: 0, set: 'study', backend: 'wasm', kernels: {} },
    tuning,
    source: online === undefined ? undefined : (from) => online({ ...source, from }),
  });
  const losses: number[] = [];
  const adapters: { step: number; file: string }[] = [];
  for await (const event of events) {
    if (event.type === 'step') losses.push(Number(event.result.loss.toPrecision(5)));
    if (event.type !== 'checkpoint' || event.checkpoint.step !== iterations) continue;
    const trained = restoreAdapter(event.checkpoint.adapter, trainedTargets(session, false));
    adapters.push({ step: iterations, file: toBase64(await files.write(trained)) });
    disposeAdapter(trained);
  }
  return { losses, adapters };
}

type Place = { readonly prompt: number; readonly candidate: number };

function keyOf({ prompt, candidate }: Place): string {
  return `${prompt}/${candidate}`;
}

/** As a run's own selection: the `keep` of each prompt with the largest MI. */
function topOf(pool: readonly PoolCandidate[], keep: number): readonly Place[] {
  const scored = pool.map(({ prompt, candidate, score }) => ({ promptIndex: prompt, candidate, score }));
  return selectCandidates(scored, { keep }).selected.map(({ promptIndex, candidate }) => ({
    prompt: promptIndex,
    candidate,
  }));
}

function specOf({
  pool,
  steps,
  guidance,
  batch,
  adapter,
  rank,
  learningRate,
  iterations,
}: TuneRequest): OnlineRequest['spec'] {
  const { sampling, training } = presetSettings('demo');
  const prompts: string[] = [];
  for (const { prompt, text } of pool) prompts[prompt] = text;
  return {
    prompts,
    sampling: { ...sampling, steps, guidance },
    training: { ...training, ...TRAINING, batch, learningRate, iterations },
    adapter: { kind: adapter, rank, textEncoder: false },
  };
}
