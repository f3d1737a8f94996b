import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import type { Design } from '../design.ts';
import type { BaseModel } from '../models.ts';
import type { Store } from '../store.ts';

/** What a report is made from. */
export type Study = {
  readonly store: Store;
  readonly design: Design;
  readonly schedule: NoiseSchedule;
  /** Digest of the model's files. */
  readonly model: string;
  /** Other base models that part 1 looks at. */
  readonly bases: readonly BaseModel[];
  /** Remarks on how this study went, or null. */
  readonly notes: string | null;
};

export type Section = {
  readonly text: string;
  readonly plots: readonly { readonly name: string; readonly svg: string }[];
};
