/** The mathematics of the methods, loaded when a run needs it. The engine's door; the page reads `registry.ts` alone. */
import type { MiTuneSpec } from '../contract/spec.ts';
import { type DrawRule, guidanceRule } from '../procedures/drawRule.ts';
import { plainTuning } from '../procedures/trainItems.ts';
import { readPrompt } from '../prompts/reading.ts';
import type { MethodCode, MethodTuning } from './methodCode.ts';
import { chosenMethod, drawingMethod } from './registry.ts';

/** By the name of the method; those that need no code beyond the procedures are absent. */
const CODE: Readonly<Record<string, () => Promise<MethodCode>>> = {
  'attend-and-excite': () => import('./code/attendAndExcite.ts'),
  'structured-guidance': () => import('./code/structuredGuidance.ts'),
  'semantic-guidance': () => import('./code/semanticGuidance.ts'),
  'mi-maps': () => import('./code/miMaps.ts'),
  gors: () => import('./code/gors.ts'),
  dpok: () => import('./code/dpok.ts'),
  'hn-itm': () => import('./code/hnItm.ts'),
  'mi-dpo': () => import('./code/miDpo.ts'),
  'negative-aware': () => import('./code/negativeAware.ts'),
  'mi-loss': () => import('./code/miLoss.ts'),
};

/** The rule that a run's images are drawn by. */
export async function drawRuleOf(
  spec: Pick<MiTuneSpec, 'method' | 'drawnBy' | 'readings'>,
): Promise<DrawRule> {
  const chosen = drawingMethod(spec);
  if (chosen === null) return guidanceRule;
  const code = await CODE[chosen.method.name]?.();
  if (code?.drawRule === undefined) throw new RangeError(`${chosen.method.name} has no rule to draw by`);
  return code.drawRule(chosen.options, async (text) => spec.readings?.[text] ?? readPrompt(text));
}

/** What a run trains on and how. */
export async function tuningOf(spec: Pick<MiTuneSpec, 'method'>): Promise<MethodTuning> {
  const { method, options } = chosenMethod(spec.method);
  const code = await CODE[method.name]?.();
  return code?.tuning?.(options) ?? { tuning: plainTuning };
}
