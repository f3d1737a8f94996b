/** Which page is shown. While a run works, the page follows its stages until the user goes elsewhere. */
import { create } from 'zustand';
import type { StageName } from '../../contract/events.ts';
import type { PageName } from '../setup/url.ts';

type NavigationState = {
  readonly page: PageName;
  readonly following: boolean;
};

export const useNavigation = create<NavigationState>()(() => ({ page: 'start', following: false }));

/** The page that shows a stage at work. */
export function pageOf(stage: StageName): PageName | null {
  switch (stage) {
    case 'load':
    case 'pool':
    case 'real-images':
      return 'build';
    case 'select':
      return 'select';
    case 'train':
      return 'train';
    case 'evaluate':
      return 'compare';
    case 'done':
      return null;
    default:
      return stage satisfies never;
  }
}

/** A page that the user chose: the run's progress no longer turns to others. */
export function goTo(page: PageName): void {
  useNavigation.setState({ page, following: false });
}

/** Shows the page of a stage that begins, unless the user has turned to another. */
export function followStage(stage: StageName): void {
  const page = pageOf(stage);
  if (page !== null && useNavigation.getState().following) useNavigation.setState({ page });
}
