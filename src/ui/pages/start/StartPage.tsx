import { useEffect } from 'react';
import { browserFeatures, missingFeature } from '../../../state/page/capabilities.ts';
import { refreshRuns } from '../../../state/run/runActions.ts';
import { unfinished, useRuns } from '../../../state/run/runs.ts';
import { loadExamples } from '../../../state/setup/prompts.ts';
import { ErrorCard } from '../../shell/ErrorCard.tsx';
import { LostRuns } from './LostRuns.tsx';
import { Plan } from './Plan.tsx';
import { PromptEditor } from './PromptEditor.tsx';
import { RunList } from './RunList.tsx';
import styles from './StartPage.module.css';

/** Prompts, a preset and a button; and the runs that are here. */
export function StartPage() {
  const runs = useRuns((state) => state.runs);
  useEffect(() => {
    void loadExamples();
    void refreshRuns();
  }, []);
  const waiting = runs !== null && unfinished(runs).length > 0;
  return (
    <>
      <div className={styles.intro}>
        <h1>Teach an image model to follow its prompts</h1>
        <p>
          For every prompt, many images are drawn and the one that shares the most information with its text
          is kept; a small adapter is then trained on those. All of it runs in this tab, and nothing leaves
          your machine.
        </p>
      </div>
      <CapabilityNotice />
      <LostRuns />
      {waiting ? <RunList runs={runs} /> : null}
      <div className={styles.compose}>
        <PromptEditor />
        <Plan />
      </div>
      {runs !== null && runs.length > 0 && !waiting ? <RunList runs={runs} /> : null}
    </>
  );
}

/** Names the one thing the browser lacks, if any. */
function CapabilityNotice() {
  const missing = missingFeature(browserFeatures());
  return missing === null ? null : <ErrorCard report={missing} severity="error" />;
}
