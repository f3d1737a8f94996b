import { useEffect } from 'react';
import { followLink, useRespondent } from '../../../state/survey/respondent.ts';
import { type SurveyView, useSurveyView } from '../../../state/survey/view.ts';
import { Segments } from '../../primitives/Segments.tsx';
import { PageHead } from '../PageHead.tsx';
import styles from '../page.module.css';
import { AnalyzeAnswers } from './analyze/AnalyzeAnswers.tsx';
import { MakePack } from './make/MakePack.tsx';
import { Respondent } from './respond/Respondent.tsx';

const VIEWS = [
  { value: 'make', label: 'Make a pack' },
  { value: 'take', label: 'Take a survey' },
  { value: 'analyze', label: 'Analyze answers' },
] as const satisfies readonly { value: SurveyView; label: string }[];

/** What people say: packs for them, the survey itself, and what their answers add up to. */
export function SurveyPage() {
  const view = useSurveyView((state) => state.view);
  const resting = useRespondent((state) => state.phase === 'empty' && state.failure === null);
  // A survey of a file that was left in the middle goes on where it was.
  useEffect(() => {
    if (view === 'take' && resting) void followLink('');
  }, [view, resting]);
  return (
    <>
      <PageHead
        title="Survey"
        lead="Ask people which images fit their prompt, as the paper did: to compare scores, or to compare methods."
      />
      <div className={styles.surveyViews}>
        <Segments
          label="Part of the survey"
          value={view}
          options={VIEWS}
          onChange={(next) => useSurveyView.setState({ view: next })}
        />
      </div>
      {view === 'make' ? <MakePack /> : view === 'take' ? <Respondent /> : <AnalyzeAnswers />}
    </>
  );
}
