/** How the models that come with the page fail, as `npm run shapes:profile` measured it; shown where they are chosen. */
import type { Profile } from '../contract/profile.ts';

/** By the id of the catalog. */
export const PROFILES: Readonly<Record<string, Profile>> = {
  'shapes-2': { single: 0.95, both: 0.45, color: 0.9, binding: 0.25, position: 0.12 },
};
