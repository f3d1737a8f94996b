/** What this machine takes for the three things a study consists of, measured in seconds. */
import type { Session } from '../../src/procedures/session.ts';
import { GUIDANCE, UNTUNED } from './design.ts';
import { draw, measure } from './pageDraw.ts';
import { train } from './pageTrain.ts';
import type { Speed } from './protocol.ts';

const PROMPT = 'a red circle and a green square';
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8] as const;
const TIMESTEPS = 4;
/** Enough for images with objects in them: finding objects in noise takes longer. */
const DRAW_STEPS = 6;
const MORE_STEPS = 3;

export async function measureSpeed(session: Session): Promise<Speed> {
  const shortDraw = (steps: number) =>
    draw(session, null, {
      kind: 'draw',
      text: PROMPT,
      seeds: SEEDS,
      adapter: null,
      scheduler: 'ddpm',
      steps,
      guidance: GUIDANCE,
    });
  const { images } = await shortDraw(1); // warms everything up
  const drawMs = await milliseconds(() => shortDraw(DRAW_STEPS));
  const captioned = images.map(({ latent }) => ({ text: PROMPT, latent }));
  const evaluationMs =
    (await milliseconds(() =>
      measure(session, { kind: 'measure', images: captioned, timesteps: TIMESTEPS, draws: 1 }),
    )) /
    (2 * TIMESTEPS * SEEDS.length);
  const trainSteps = (steps: number) =>
    milliseconds(() =>
      train(
        session,
        {
          kind: 'train',
          images: captioned,
          adapter: UNTUNED.kind,
          rank: UNTUNED.rank,
          textEncoder: UNTUNED.textEncoder,
          learningRate: UNTUNED.learningRate,
          batch: UNTUNED.batch,
          keepAt: [steps],
          seed: 1,
          start: null,
        },
        {
          open: () => Promise.reject(new Error('a fresh adapter is trained')),
          write: async () => new Uint8Array(),
        },
      ),
    );
  await trainSteps(1); // the first step is slower
  const once = await trainSteps(1);
  const several = await trainSteps(1 + MORE_STEPS);
  return {
    evaluationMs,
    imageMs: Math.max(1, drawMs / SEEDS.length - 2 * DRAW_STEPS * evaluationMs),
    sampleMs: Math.max(1, (several - once) / (MORE_STEPS * UNTUNED.batch)),
  };
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
