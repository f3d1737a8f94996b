/** Images that were drawn elsewhere, in a sentence: how many, and how those that were drawn again compare. */
import type { DrawResult, PageResult, Redrawn } from '../protocol.ts';
import type { Step } from '../steps.ts';
import type { Store } from '../store.ts';

/** Nothing where the page drew everything itself. */
export function foreignText(store: Store, steps: readonly Step[]): string[] {
  let images = 0;
  const checks = new Map<string, Redrawn>();
  for (const { id } of steps) {
    const result = store.find<PageResult>(id);
    if (result === undefined || !isForeign(result)) continue;
    images += result.images.length;
    checks.set(JSON.stringify(result.elsewhere), result.elsewhere);
  }
  if (images === 0) return [];
  const all = [...checks.values()];
  const together: Redrawn = {
    images: all.reduce((sum, check) => sum + check.images, 0),
    latent: Math.max(...all.map(({ latent }) => latent)),
    trace: Math.max(...all.map(({ trace }) => trace)),
  };
  return [`${images} candidates were drawn elsewhere, with the same noise; ${redrawnText(together)}.`];
}

export function redrawnText({ images, latent, trace }: Redrawn): string {
  return `${images} of them drawn again here are the same: latents differ by at most ${latent.toExponential(1)} of their largest value, traces by ${trace.toExponential(1)}`;
}

function isForeign(result: PageResult): result is DrawResult & { readonly elsewhere: Redrawn } {
  return 'elsewhere' in result && result.elsewhere !== undefined;
}
