/** Negative-aware tuning in the manner of DiffusionNFT (Zheng et al. 2025, arXiv 2509.16117): the pool's ends by MI. */
import { negativeAware } from '../../training/objectives.ts';
import type { MakeTuning } from '../methodCode.ts';
import { opponents } from './rewards.ts';

export const tuning: MakeTuning = ({ beta }) => ({
  tuning: { objective: negativeAware(beta as number) },
  items: ({ chosen, pool, latent }) => {
    const negatives = opponents(chosen, pool).filter((c) => c !== null);
    const item = (weight: number) => (c: (typeof chosen)[number]) => ({
      text: c.text,
      latent: latent(c),
      weight,
    });
    return [...chosen.map(item(1)), ...negatives.map(item(0))];
  },
});
