import type { Reading } from '../contract/spec.ts';
import type { DrawRule } from '../procedures/drawRule.ts';
import type { Options } from './method.ts';

/** What a prompt speaks of: as the user corrected it, else as the grammar reads it. */
export type ReadPrompt = (text: string) => Promise<Reading>;

export type MakeDrawRule = (options: Options, read: ReadPrompt) => DrawRule;

/** The mathematics of a method: what a file of `code/` exports. */
export type MethodCode = {
  /** The rule that images are drawn by, where the method has one. */
  readonly drawRule?: MakeDrawRule;
};
