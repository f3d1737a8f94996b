/** Images drawn together, from seeds to numbers: all of them, or those that are worth it by their first steps. */
import type { LatentShape } from '../diffusion/latentNoise.ts';
import {
  advance,
  type SampleRequest,
  type StepRecord,
  seededNoise,
  takeRows,
  type Underway,
} from '../diffusion/sample.ts';
import { heldVectors } from '../diffusion/scheduler.ts';
import { type Cut, cutRows } from '../mi/earlyStop.ts';
import type { DrawnRows, StoppedRow } from './drawCrew.ts';

/** What the sampler is handed for some of the images; `dispose` frees what was made for them. */
export type OpenRows = Omit<SampleRequest, 'scheduler' | 'noise' | 'onStep' | 'signal'> & { dispose(): void };

type DrawRowsRequest = Pick<SampleRequest, 'scheduler' | 'signal'> & {
  readonly seeds: readonly number[];
  readonly latentShape: LatentShape;
  /** Most images at once. */
  readonly batch: number;
  readonly cut: Cut | null;
  /** For images by their places in `seeds`, in this order. */
  readonly open: (rows: readonly number[]) => Promise<OpenRows>;
  readonly onStep?: ((record: StepRecord) => void) | undefined;
  /** Network steps done so far, in images times steps; steps that early stopping saves count as done with the others. */
  readonly onSteps?: ((done: number) => void) | undefined;
  /** Those that were given up, before the others are drawn to the end. */
  readonly onStopped?: ((stopped: readonly StoppedRow[]) => Promise<void>) | undefined;
};

/**
 * Draws images batch by batch. An image's numbers depend neither on its batch nor on who is given up.
 * @throws as `advance`
 */
export async function* drawRows(request: DrawRowsRequest): AsyncGenerator<DrawnRows> {
  const { seeds, batch, cut, scheduler } = request;
  const all = seeds.map((_, row) => row);
  const { length: steps } = scheduler.timesteps;
  const onRows = stepMeter(request);
  const onward = (rows: readonly number[], from: () => Underway | null, until: number): Promise<Underway> =>
    advanceRows({ ...request, onRows }, rows, from, until);
  if (cut === null) {
    for (const rows of batchesOf(all, batch)) yield read(rows, await onward(rows, () => null, steps));
    return;
  }
  const begun: Underway[] = [];
  try {
    for (const rows of batchesOf(all, batch)) begun.push(await onward(rows, () => null, cut.steps));
    const traces = begun.flatMap(({ squaredDifference }) => squaredDifference ?? []);
    const { goOn, stopped } = cutRows(cut, traces);
    await request.onStopped?.(stopped);
    for (const rows of batchesOf(goOn, batch)) {
      const places = rows.map((row) => [Math.floor(row / batch), row % batch] as const);
      yield read(rows, await onward(rows, () => takeRows(begun, places), steps));
    }
  } finally {
    for (const underway of begun) release(underway);
  }
}

/** The list in parts of at most `size`. */
export function batchesOf<T>(list: readonly T[], size: number): (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) =>
    list.slice(i * size, (i + 1) * size),
  );
}

async function advanceRows(
  {
    open,
    seeds,
    latentShape,
    scheduler,
    signal,
    onStep,
    onRows,
  }: DrawRowsRequest & { readonly onRows: (rows: number) => void },
  rows: readonly number[],
  from: () => Underway | null,
  until: number,
): Promise<Underway> {
  const { dispose, ...opened } = await open(rows);
  try {
    const own = rows.map((row) => seeds[row] as number);
    const seen = (record: StepRecord): void => {
      onStep?.(record);
      onRows(rows.length);
    };
    const noise = seededNoise(own, latentShape);
    return await advance({ ...opened, scheduler, noise, signal, onStep: seen }, from(), until);
  } finally {
    dispose();
  }
}

/** Counts steps of so many rows; those that are saved are spread over those that are made. */
function stepMeter({ seeds, cut, scheduler, onSteps }: DrawRowsRequest): (rows: number) => void {
  const { length: steps } = scheduler.timesteps;
  const all = seeds.length * steps;
  const goOn = cut?.groups.reduce(
    (sum, { candidates, goOn: most }) => sum + Math.min(candidates.length, most),
    0,
  );
  const made =
    cut === null || goOn === undefined ? all : seeds.length * cut.steps + goOn * (steps - cut.steps);
  let done = 0;
  return (rows) => {
    done += rows;
    onSteps?.((done * all) / made);
  };
}

/** Reads finished images and frees them. */
async function read(rows: readonly number[], drawn: Underway): Promise<DrawnRows> {
  try {
    const latents = (await drawn.state.z.data()) as Float32Array;
    return { rows, latents, squaredDifference: drawn.squaredDifference ?? [] };
  } finally {
    release(drawn);
  }
}

function release({ state }: Underway): void {
  for (const tensor of heldVectors(state)) tensor.dispose();
}
