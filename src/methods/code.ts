/** The mathematics of the methods, loaded when a run needs it. The engine's door; the page reads `registry.ts` alone. */
import type { MiTuneSpec } from '../contract/spec.ts';
import { type DrawRule, guidanceRule } from '../procedures/drawRule.ts';
import type { Options } from './method.ts';
import { drawingMethod } from './registry.ts';

export type MethodCode = {
  /** The rule that images are drawn by, where the method has one. */
  readonly drawRule?: (options: Options) => DrawRule;
};

/** By the name of the method; those that need no code beyond the procedures are absent. */
const CODE: Readonly<Record<string, () => Promise<MethodCode>>> = {};

/** The rule that a run's images are drawn by. */
export async function drawRuleOf(spec: Pick<MiTuneSpec, 'method' | 'drawnBy'>): Promise<DrawRule> {
  const chosen = drawingMethod(spec);
  if (chosen === null) return guidanceRule;
  const code = await CODE[chosen.method.name]?.();
  if (code?.drawRule === undefined) throw new RangeError(`${chosen.method.name} has no rule to draw by`);
  return code.drawRule(chosen.options);
}
