/** Keeps the address bar and the stores in step: pages make history entries, settings only change the address. */
import { goTo, useNavigation } from './navigation.ts';
import { chooseExample, usePrompts } from './prompts.ts';
import { closeRun, openRun } from './runActions.ts';
import { useRuns } from './runs.ts';
import { useSettings } from './settings.ts';
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

/** Applies the address to the stores once, then follows both. Returns the function that ends it. */
export async function syncAddress(): Promise<() => void> {
  await apply(decodePlace(location.hash), { withDraft: true });
  const write = () => {
    const hash = `#${encodePlace(currentPlace())}`;
    if (hash === location.hash) return;
    const samePage = decodePlace(location.hash).page === useNavigation.getState().page;
    if (samePage) history.replaceState(null, '', hash);
    else history.pushState(null, '', hash);
  };
  const read = () => void apply(decodePlace(location.hash), { withDraft: false });
  write();
  const stops = [useNavigation, useRuns, usePrompts, useSettings].map((store) => store.subscribe(write));
  window.addEventListener('popstate', read);
  return () => {
    for (const stop of stops) stop();
    window.removeEventListener('popstate', read);
  };
}

async function apply(place: Place, { withDraft }: { withDraft: boolean }): Promise<void> {
  if (withDraft) {
    useSettings.getState().replace(place.draft);
    if (place.list !== null) await chooseExample(place.list);
  }
  const openId = useRuns.getState().open?.summary.id ?? null;
  if (place.runId !== openId && useRuns.getState().activity === 'idle') {
    if (place.runId === null) closeRun();
    else if (!(await openRun(place.runId))) goTo('start');
  }
  goTo(place.page);
}
