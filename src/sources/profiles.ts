/** How the models that come with the page fail, as `npm run shapes:profile` measured it; shown where they are chosen. */
import type { Profile } from '../contract/profile.ts';

/** By the id of the catalog. */
export const PROFILES: Readonly<Record<string, Profile>> = {
  'shapes-2': { single: 0.97, both: 0.43, color: 0.89, binding: 0.25, position: 0.14 },
};
