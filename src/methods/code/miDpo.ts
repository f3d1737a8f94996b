/** MI-DPO, our own: Diffusion-DPO (Wallace et al. 2023, arXiv 2311.12908) with pairs of the pool, by MI. */
import { preference } from '../../training/objectives.ts';
import type { MakeTuning } from '../methodCode.ts';
import { opponents } from './rewards.ts';

export const tuning: MakeTuning = ({ beta }) => ({
  // The paper's code halves beta.
  tuning: { objective: preference((beta as number) / 2) },
  items: ({ chosen, pool, latent }) => {
    const losers = opponents(chosen, pool);
    return chosen.flatMap((winner, i) => {
      const loser = losers[i];
      if (loser === null || loser === undefined) return [];
      return [
        { text: winner.text, latent: latent(winner), beside: [{ text: winner.text, latent: latent(loser) }] },
      ];
    });
  },
});
