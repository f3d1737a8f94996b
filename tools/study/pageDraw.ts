/** Draws and measures images in the page, and scores them exactly. */
import { drawRuleOf } from '../../src/methods/code.ts';
import { toRgb } from '../../src/metrics/exactMeter.ts';
import { decodeImages } from '../../src/procedures/decodeImages.ts';
import type { DrawnCandidate } from '../../src/procedures/drawJob.ts';
import { drawPool } from '../../src/procedures/drawPool.ts';
import { measureSet, middleTimesteps } from '../../src/procedures/measureSet.ts';
import { type Session, sessionScheduler } from '../../src/procedures/session.ts';
import type { Tuned } from '../../src/procedures/tuned.ts';
import type { Witness } from '../../src/shapes/claims.ts';
import { covers } from '../../src/shapes/geometry.ts';
import { findWitnesses, scoreWitnesses } from '../../src/shapes/score.ts';
import { IMAGE_SIZE } from '../../src/shapes/world.ts';
import { floatsFromBase64, floatsToBase64 } from './base64.ts';
import type {
  DrawnImage,
  DrawRequest,
  DrawResult,
  LookRequest,
  MeasureRequest,
  MeasureResult,
} from './protocol.ts';

/** Seed of the noises that all re-noised images share. */
const MEASURE_SEED = 0x73747564;
const MEASURE_BATCH = 8;
/** Digits that a stored number keeps: far more than any statistic needs. */
const DIGITS = 7;

export async function draw(session: Session, tuned: Tuned | null, request: DrawRequest): Promise<DrawResult> {
  const { text, seeds, steps, guidance } = request;
  const scheduler = sessionScheduler(session, request.scheduler, steps);
  const candidates = seeds.map((seed, candidate) => ({ candidate, seed }));
  const images: DrawnImage[] = [];
  const rule = request.rule === undefined ? undefined : await drawRuleOf({ drawnBy: request.rule });
  const options = { scheduler, guidance, batch: seeds.length, rule };
  for await (const drawn of drawPool(session, tuned, [{ prompt: 0, text, candidates }], options)) {
    images.push(...(await describe(session, text, drawn)));
  }
  return { timesteps: scheduler.timesteps, images };
}

/** What is in images that were drawn elsewhere, as `draw` says it of its own. */
export async function look(session: Session, request: LookRequest): Promise<DrawResult> {
  const { text, scheduler, steps } = request;
  const drawn = request.images.map(({ seed, latent, trace }) => ({
    seed,
    latent: floatsFromBase64(latent),
    squaredDifference: trace,
  }));
  const { timesteps } = sessionScheduler(session, scheduler, steps);
  return { timesteps, images: await describe(session, text, drawn) };
}

async function describe(
  session: Session,
  text: string,
  drawn: readonly Pick<DrawnCandidate, 'seed' | 'latent' | 'squaredDifference'>[],
): Promise<DrawnImage[]> {
  const decoded = await decodeImages(
    session,
    drawn.map((c) => c.latent),
  );
  return drawn.map(({ seed, latent, squaredDifference }, i) => {
    const found = findWitnesses(toRgb(decoded[i] as (typeof decoded)[number]));
    const exact = scoreWitnesses(found, text);
    if (exact === null) throw new Error(`"${text}" is not a prompt of the shapes world.`);
    return {
      seed,
      latent: floatsToBase64(latent),
      trace: squaredDifference.map(rounded),
      share: exact.share,
      strict: exact.strict,
      claims: exact.claims.map((claim) => claim.holds),
      objects: found.map(({ shape, color, texture, size, placed }) => ({
        shape,
        color,
        texture,
        size,
        x: tenths(placed.x),
        y: tenths(placed.y),
        radius: tenths(placed.radius),
      })),
      area: coveredPixels(found),
    };
  });
}

export async function measure(session: Session, request: MeasureRequest): Promise<MeasureResult> {
  const images = request.images.map(({ text, latent }) => ({ text, latent: floatsFromBase64(latent) }));
  const measured = await measureSet(session, null, images, {
    grid: middleTimesteps(session.schedule.T, request.timesteps),
    draws: request.draws,
    seed: MEASURE_SEED,
    batch: MEASURE_BATCH,
  });
  return {
    plan: (measured[0] ?? []).map(({ t, draw: index }) => ({ t, draw: index })),
    images: measured.map((list) => ({
      difference: list.map((m) => rounded(m.squaredDifference)),
      uncond: list.map((m) => rounded(m.uncondError)),
      cond: list.map((m) => rounded(m.condError)),
    })),
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

/** A tenth of a pixel is more than the scorer finds out. */
function tenths(value: number): number {
  return Math.round(10 * value) / 10;
}

function coveredPixels(found: readonly Witness[]): number {
  let count = 0;
  for (let y = 0; y < IMAGE_SIZE; y++) {
    for (let x = 0; x < IMAGE_SIZE; x++) {
      if (found.some((w) => covers(w.placed, x + 0.5, y + 0.5, { filled: false }))) count++;
    }
  }
  return count;
}
