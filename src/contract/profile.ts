/** The tasks by which a model's faults are told: those of GenEval (Ghosh et al. 2023), and what SD-2.1 reaches there. */

export const PROFILE_TASKS = [
  { id: 'single', title: 'The single object is there', reference: [0.98, 0.98] },
  { id: 'both', title: 'Both of two objects are there', reference: [0.51, 0.51] },
  { id: 'color', title: 'The single object has its color', reference: [0.85, 0.85] },
  { id: 'binding', title: 'Both are there, each with its color', reference: [0.17, 0.17] },
  { id: 'position', title: 'Both are there, where they should be', reference: [0.07, 0.12] },
] as const satisfies readonly {
  readonly id: string;
  readonly title: string;
  /** One figure, or the lowest and highest that are published. */
  readonly reference: readonly [number, number];
}[];

export type ProfileTask = (typeof PROFILE_TASKS)[number]['id'];
/** Share of images in which each task succeeds. */
export type Profile = Readonly<Record<ProfileTask, number>>;
