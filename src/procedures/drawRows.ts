/** Images drawn together, from seeds to numbers. */

import type { LatentShape } from '../diffusion/latentNoise.ts';
import { type SampleRequest, sample, seededNoise } from '../diffusion/sample.ts';
import type { DrawnRows } from './drawCrew.ts';

/** @throws as `sample` */
export async function drawRows({
  seeds,
  latentShape,
  onStep,
  onSteps,
  ...request
}: Omit<SampleRequest, 'noise'> & {
  readonly seeds: readonly number[];
  readonly latentShape: LatentShape;
  /** Network steps done so far, in images times steps. */
  readonly onSteps?: ((done: number) => void) | undefined;
}): Promise<DrawnRows> {
  let steps = 0;
  const { latents, squaredDifference } = await sample({
    ...request,
    noise: seededNoise(seeds, latentShape),
    onStep: (record) => {
      onStep?.(record);
      steps++;
      onSteps?.(steps * seeds.length);
    },
  });
  const values = (await latents.data()) as Float32Array;
  latents.dispose();
  return { latents: values, squaredDifference: squaredDifference ?? [] };
}
