// Loading a stored model as a user does it: choose it, read the memory plan, agree.

import { goToModels, watched } from './download.ts';
import type { Rehearsal } from './rehearsal.ts';

/** @returns what the page says of the plan; '' where there is nothing to choose or to plan */
export async function loadByHand(rehearsal: Rehearsal): Promise<string> {
  const { studio, state, log } = rehearsal;
  const { page } = studio;
  if (state.modelId === null || rehearsal.options.direct) return '';
  await goToModels(rehearsal);
  const item = page.locator(`li[data-model="${state.modelId}"]`);
  await item.waitFor();
  const use = item.getByRole('button', { name: /^Use / });
  if ((await use.count()) === 0) return '';
  await use.click();
  const panel = item.getByRole('region', { name: 'Memory plan' });
  const inUse = item.getByText('In use');
  await watched(rehearsal, panel.or(inUse).first().waitFor());
  let verdict = '';
  if ((await panel.count()) > 0) {
    await watched(rehearsal, item.locator('[aria-label="Memory plan"][aria-busy=false]').waitFor());
    verdict = (await panel.locator('[data-fits] p').first().innerText()).replaceAll(/\s+/g, ' ').trim();
    log(`load: ${verdict}`);
    await panel.getByRole('button', { name: /^Load / }).click();
  }
  await watched(rehearsal, inUse.waitFor());
  return verdict;
}
