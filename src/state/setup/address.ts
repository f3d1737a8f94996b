/** Keeps the address bar and the stores in step: pages make history entries, settings only change the address. */
import { goTo, useNavigation } from '../page/navigation.ts';
import { closeRun, openRun } from '../run/runActions.ts';
import { useRuns } from '../run/runs.ts';
import { chooseExample, usePrompts } from './prompts.ts';
import { replaceDraft, useSettings } from './settings.ts';
import { decodePlace, encodePlace, type Place } from './url.ts';

function currentPlace(): Place {
  return {
    page: useNavigation.getState().page,
    runId: useRuns.getState().open?.summary.id ?? null,
    list: usePrompts.getState().example,
    draft: useSettings.getState(),
  };
}

/** A link to the settings alone, for others to open. */
export function settingsLink(): string {
  const hash = encodePlace({ ...currentPlace(), page: 'start', runId: null });
  return `${location.origin}${location.pathname}#${hash}`;
}

/** Marks history entries made here; an address that was typed or pasted has no mark. */
const OWN_ENTRY = 'studio';

/** Applies the address to the stores once, then follows both. Returns the function that ends it. */
export async function syncAddress(): Promise<() => void> {
  // Else Back would scroll the page it leads to as far as another page was scrolled.
  history.scrollRestoration = 'manual';
  let applying = false;
  const write = () => {
    const hash = `#${encodePlace(currentPlace())}`;
    if (applying || (hash === location.hash && history.state === OWN_ENTRY)) return;
    const samePage = decodePlace(location.hash).page === useNavigation.getState().page;
    if (samePage) history.replaceState(OWN_ENTRY, '', hash);
    else history.pushState(OWN_ENTRY, '', hash);
  };
  const read = async (withDraft: boolean) => {
    applying = true;
    await apply(decodePlace(location.hash), { withDraft });
    applying = false;
    write();
  };
  // Back and forward change the page only: settings made since then are kept.
  const onPopState = ({ state }: PopStateEvent) => void read(state !== OWN_ENTRY);
  await read(true);
  const stops = [useNavigation, useRuns, usePrompts, useSettings].map((store) => store.subscribe(write));
  window.addEventListener('popstate', onPopState);
  return () => {
    for (const stop of stops) stop();
    window.removeEventListener('popstate', onPopState);
  };
}

async function apply(place: Place, { withDraft }: { withDraft: boolean }): Promise<void> {
  if (withDraft) {
    replaceDraft(place.draft);
    if (place.list !== null) await chooseExample(place.list);
  }
  const openId = useRuns.getState().open?.summary.id ?? null;
  if (place.runId !== openId && useRuns.getState().activity === 'idle') {
    if (place.runId === null) closeRun();
    else if (!(await openRun(place.runId))) goTo('start');
  }
  goTo(place.page);
}
