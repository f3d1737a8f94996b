/** MI in the loss: a variant that MI-TUNE's discussion names without a formula. */
import { rewardedInformation } from '../../training/objectives.ts';
import type { MakeTuning } from '../methodCode.ts';

export const tuning: MakeTuning = ({ eta, bound }) => ({
  tuning: { objective: rewardedInformation(eta as number, bound as number) },
  items: ({ chosen, latent }) =>
    chosen.map((c) => {
      const z = latent(c);
      return { text: c.text, latent: z, beside: [{ text: '', latent: z }] };
    }),
});
