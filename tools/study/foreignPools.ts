/** Candidates that were drawn elsewhere: which are wanted, and whether those that came are the same as the page's own. */
import { StudioError } from '../../src/lib/errors.ts';
import { shuffle } from '../../src/lib/philox.ts';
import { floatsFromBase64, floatsToBase64 } from './base64.ts';
import type { ForeignImage, ForeignPool, PoolBlock, PoolList } from './poolFiles.ts';
import type { DrawRequest, DrawResult, LookRequest, PageRequest, PageResult, Redrawn } from './protocol.ts';
import type { Step } from './steps.ts';
import type { Store } from './store.ts';

/** Images that are drawn again here before any is taken over; their choice is fixed. */
const DRAWN_AGAIN = 50;
const CHOICE_SEED = 50;

/**
 * Largest differences between the page and PyTorch that rounding makes over a whole path, relative to the largest value of
 * an image: those of the golden numbers of the estimator, a step's latents for each step.
 */
const LATENT_TOLERANCE_OF_STEP = 2e-5;
const TRACE_TOLERANCE = 1e-3;

type Page = { run(request: PageRequest): Promise<PageResult> };

/** The steps whose images may be drawn elsewhere: candidates of the study's own base model by guidance alone. */
function wantedDraws(steps: readonly Step[], store: Store): ReadonlyMap<string, DrawRequest> {
  const wanted = new Map<string, DrawRequest>();
  for (const { id, needs, request } of steps) {
    if (needs.length > 0) continue;
    const asked = request(store);
    if (asked.kind !== 'draw' || asked.scheduler !== 'ddpm') continue;
    if (asked.base === undefined && asked.rule === undefined) wanted.set(id, asked);
  }
  return wanted;
}

/** What is not there yet; null where nothing is left to draw. */
export function poolList(steps: readonly Step[], store: Store, model: string): PoolList | null {
  const blocks = [...wantedDraws(steps, store)].filter(([id]) => !store.has(id));
  const first = blocks[0]?.[1];
  if (first === undefined) return null;
  return {
    version: 1,
    model,
    scheduler: 'ddpm',
    steps: first.steps,
    blocks: blocks.map(([id, { text, guidance, seeds }]) => ({ id, text, guidance, seeds: [...seeds] })),
  };
}

/** What came of taking over a pool; no images where all of them were there before. */
export type Taken = { readonly images: number; readonly redrawn: Redrawn | null };

/**
 * Draws some images again, and stores the results of the steps whose images they all are.
 * @throws StudioError `pool-other-model`, `pool-unwanted` or `pool-differs`; nothing is stored then
 */
export async function takePool(
  { list, images }: ForeignPool,
  { steps, store, model, page }: { steps: readonly Step[]; store: Store; model: string; page: Page },
): Promise<Taken> {
  if (list.model !== model) {
    throw new StudioError('pool-other-model', `The pool is of model ${list.model}, the study of ${model}.`, {
      remedy: 'List what is wanted again, and draw it with the model that the page starts with.',
    });
  }
  const wanted = wantedDraws(steps, store);
  for (const block of list.blocks) checkWanted(block, list, wanted.get(block.id));
  const open = list.blocks
    .map((block, i) => ({ block, drawn: images[i] ?? [] }))
    .filter(({ block }) => !store.has(block.id));
  if (open.length === 0) return { images: 0, redrawn: null };
  const redrawn = await drawAgain(open, list, page);
  let count = 0;
  for (const { block, drawn } of open) {
    const start = performance.now();
    const result = (await page.run(lookRequest(block, list, drawn))) as DrawResult;
    store.add(block.id, { ...result, elsewhere: redrawn }, (performance.now() - start) / 1000);
    count += drawn.length;
  }
  return { images: count, redrawn };
}

function checkWanted(block: PoolBlock, { steps }: PoolList, asked: DrawRequest | undefined): void {
  const same =
    asked !== undefined &&
    asked.text === block.text &&
    asked.guidance === block.guidance &&
    asked.steps === steps &&
    asked.seeds.join() === block.seeds.join();
  if (same) return;
  throw new StudioError('pool-unwanted', `The study has no step ${block.id} with these seeds and settings.`, {
    remedy: 'List what is wanted again with the same --design and --part, and draw that.',
    where: block.id,
  });
}

type Open = { readonly block: PoolBlock; readonly drawn: readonly ForeignImage[] };

async function drawAgain(open: readonly Open[], { steps }: PoolList, page: Page): Promise<Redrawn> {
  const all = open.flatMap(({ block, drawn }) => drawn.map((image) => ({ block, image })));
  const chosen = shuffle(CHOICE_SEED, 0, all.length).slice(0, DRAWN_AGAIN);
  let [latent, trace] = [0, 0];
  for (const { block, image } of chosen.map((i) => all[i] as (typeof all)[number])) {
    const own = await redraw(block, steps, image.seed, page);
    const differs = {
      latent: largestDifference(floatsFromBase64(own.latent), image.latent),
      trace: largestDifference(own.trace, image.trace),
    };
    if (!(differs.latent <= steps * LATENT_TOLERANCE_OF_STEP && differs.trace <= TRACE_TOLERANCE))
      throw otherImage(block, image.seed, differs);
    latent = Math.max(latent, differs.latent);
    trace = Math.max(trace, differs.trace);
  }
  return { images: chosen.length, latent, trace };
}

async function redraw(
  { text, guidance }: PoolBlock,
  steps: number,
  seed: number,
  page: Page,
): Promise<DrawResult['images'][number]> {
  const request = { kind: 'draw', text, seeds: [seed], adapter: null, scheduler: 'ddpm', steps } as const;
  const { images } = (await page.run({ ...request, guidance })) as DrawResult;
  return images[0] as DrawResult['images'][number];
}

/** Relative to the largest value of the first; infinite where the numbers of values differ. */
function largestDifference(own: ArrayLike<number>, other: ArrayLike<number>): number {
  if (own.length !== other.length) return Number.POSITIVE_INFINITY;
  let [difference, largest] = [0, 0];
  for (let i = 0; i < own.length; i++) {
    difference = Math.max(difference, Math.abs((own[i] as number) - (other[i] as number)));
    largest = Math.max(largest, Math.abs(own[i] as number));
  }
  return difference / largest;
}

function otherImage(
  { text }: PoolBlock,
  seed: number,
  { latent, trace }: Pick<Redrawn, 'latent' | 'trace'>,
): StudioError {
  const found = `latents by ${latent.toExponential(1)}, traces by ${trace.toExponential(1)} of their largest value`;
  return new StudioError(
    'pool-differs',
    `“${text}”, seed ${seed}, is another image when drawn here: ${found}.`,
    {
      remedy: 'Draw with the same model, noise, steps and guidance, in float32; nothing was taken over.',
      where: text,
    },
  );
}

function lookRequest(
  { text }: PoolBlock,
  { scheduler, steps }: PoolList,
  drawn: readonly ForeignImage[],
): LookRequest {
  const images = drawn.map(({ seed, latent, trace }) => ({
    seed,
    latent: floatsToBase64(latent),
    trace: [...trace],
  }));
  return { kind: 'look', text, scheduler, steps, images };
}
