/** A candidate of a run that another engine works on, computed again by this one. */
import type { Recheck, Requests } from '../contract/protocol.ts';
import { pathGuidance } from '../jobs/runContext.ts';
import { StudioError } from '../lib/errors.ts';
import { drawRuleOf } from '../methods/code.ts';
import { recheckCandidate } from '../procedures/recheck.ts';
import { sessionScheduler } from '../procedures/session.ts';
import type { Engine } from './engine.ts';

/** @throws StudioError `recheck-invalid` for a prompt that the run does not have */
export async function recheck(
  engine: Engine,
  { spec, prompt, seed, squaredDifference, steps }: Requests['recheck']['args'],
  signal: AbortSignal,
): Promise<Recheck> {
  const text = spec.prompts[prompt];
  if (text === undefined) {
    throw new StudioError('recheck-invalid', `The run has no prompt ${prompt}.`, {
      remedy: 'Name a prompt of the run.',
      where: 'prompt',
    });
  }
  await engine.fit(spec);
  const session = engine.sessionOf(spec);
  const { scheduler, steps: all } = spec.sampling;
  return recheckCandidate(
    session,
    { text, seed, squaredDifference },
    {
      scheduler: sessionScheduler(session, scheduler, all),
      guidance: pathGuidance(spec),
      batch: 1,
      rule: await drawRuleOf(spec),
      signal,
    },
    { steps, now: () => performance.now() / 1000 },
  );
}
