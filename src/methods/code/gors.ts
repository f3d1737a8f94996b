/** GORS (Huang et al. 2023, arXiv 2307.06350, section 4; code 1b70949): L = mean_b(r_b MSE_b) on images whose reward is high. */
import { denoising } from '../../training/objectives.ts';
import type { MakeTuning } from '../methodCode.ts';
import { exceeds, rewardsOf } from './rewards.ts';

export const tuning: MakeTuning = ({ reward, threshold, textRate }) => ({
  tuning: { objective: denoising, textRate: textRate as number },
  select: (pool) => {
    const rewards = rewardsOf(reward as string, pool);
    return pool.filter((c) => exceeds(rewards.get(c) ?? Number.NEGATIVE_INFINITY, threshold as number));
  },
  items: ({ chosen, pool, latent }) => {
    const rewards = new Map(
      [...rewardsOf(reward as string, pool)].map(([c, r]) => [`${c.prompt}/${c.candidate}`, r]),
    );
    // An image that was chosen by hand counts in full where it has no reward.
    return chosen.map((c) => ({
      text: c.text,
      latent: latent(c),
      weight: rewards.get(`${c.prompt}/${c.candidate}`) ?? 1,
    }));
  },
});
