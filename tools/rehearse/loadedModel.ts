// The model of a rehearsal as the page sees it.

import type { ModelReport } from '../../src/contract/runTypes.ts';
import type { ModelRef } from '../../src/contract/spec.ts';
import { callEngine } from './enginePage.ts';
import type { Rehearsal } from './rehearsal.ts';

export const PROMPT = 'a red circle above a blue square, watercolor';

/** Loads the model unless it is. */
export function loadModel(rehearsal: Rehearsal): Promise<ModelReport> {
  return callEngine(
    rehearsal.studio.page,
    'loadModel',
    { ref: modelRef(rehearsal) },
    ({ done, total, unit }) =>
      rehearsal.log(`load: ${Math.round((100 * done) / total)} % of ${Math.round(total / 1e6)} M ${unit}.`),
  );
}

/** Where the page has the model. */
export function modelRef({ options, server, state }: Rehearsal): ModelRef {
  if (options.direct) return { kind: 'url', base: server.url };
  if (state.modelId === null)
    throw new Error('The model is not downloaded; leave out --only, or add download to it.');
  return { kind: 'local', id: state.modelId };
}
