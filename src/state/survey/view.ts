/** Which part of the survey page is shown, and what dropped files do there. */
import { create } from 'zustand';
import type { ModelFiles } from '../page/engine.ts';
import { goTo } from '../page/navigation.ts';
import { addAnswers } from './answers.ts';
import { openPackFile } from './respondent.ts';

export type SurveyView = 'make' | 'take' | 'analyze';

export const useSurveyView = create<{ readonly view: SurveyView }>()(() => ({ view: 'make' }));

/** Opens a dropped pack for answering. */
export async function showPack(name: string, file: Blob): Promise<void> {
  useSurveyView.setState({ view: 'take' });
  goTo('survey');
  await openPackFile(name, file);
}

/** Adds dropped answer files to the tables. */
export async function showAnswers(files: ModelFiles): Promise<void> {
  useSurveyView.setState({ view: 'analyze' });
  goTo('survey');
  await addAnswers(files);
}
