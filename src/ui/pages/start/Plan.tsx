import { runProblems } from '../../../methods/registry.ts';
import { useUnaskedHost } from '../../../state/model/modelChoice.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { goTo } from '../../../state/page/navigation.ts';
import { attempt } from '../../../state/page/notices.ts';
import { startFromDraft } from '../../../state/run/runActions.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { openRunFile } from '../../../state/setup/dropped.ts';
import { promptTexts, usePrompts } from '../../../state/setup/prompts.ts';
import { methodsOf, useSettings } from '../../../state/setup/settings.ts';
import { Button } from '../../primitives/Button.tsx';
import { FilePicker } from '../../primitives/FilePicker.tsx';
import { EngineFacts } from './EngineFacts.tsx';
import { ForecastTable } from './ForecastTable.tsx';
import { PresetChoice } from './PresetChoice.tsx';
import styles from './StartPage.module.css';

/** What will be done, what it costs, and the button that does all of it. */
export function Plan() {
  const list = usePrompts((state) => state.list);
  const settings = useSettings((state) => state.settings);
  const busy = useRuns((state) => state.activity !== 'idle');
  const engineFailed = useEngine((state) => state.status === 'failed');
  const unasked = useUnaskedHost();
  const method = useSettings((state) => state.method);
  const problems = runProblems({ ...settings, ...methodsOf({ method, drawnBy: null }) });
  const prompts = promptTexts(list);
  const unreadable = usePrompts((state) => state.failure !== null);
  const blocked = unreadable
    ? 'The prompt list cannot be read yet; see the remark beside it.'
    : prompts.length === 0
      ? 'Add at least one prompt first.'
      : busy
        ? 'Another run is working.'
        : (problems[0] ?? null);
  return (
    <section className={styles.plan} aria-labelledby="plan-title">
      <div className={styles.head}>
        <h2 id="plan-title">Plan</h2>
        <Button look="quiet" size="small" onClick={() => goTo('settings')}>
          All settings
        </Button>
      </div>
      <PresetChoice />
      <ForecastTable />
      <Button
        look="primary"
        size="large"
        className={styles.start}
        disabled={blocked !== null}
        aria-describedby="start-note"
        onClick={() => void startFromDraft('done')}
      >
        Start
      </Button>
      <p id="start-note" className={styles.note}>
        {blocked ??
          (engineFailed
            ? 'The engine failed to start; this tries again.'
            : unasked !== null
              ? `This contacts ${unasked} and reads its model from there.`
              : 'Builds the set, selects, trains, and compares before with after. You can pause at any time.')}
      </p>
      <div className={styles.more}>
        <Button size="small" disabled={blocked !== null} onClick={() => void startFromDraft('select')}>
          Build the set only
        </Button>
        <FilePicker
          label="Run file"
          text="Load run file"
          accept=".json"
          size="small"
          onFiles={([first]) => first && void attempt(() => openRunFile(first.path, first.file))}
        />
      </div>
      <EngineFacts />
    </section>
  );
}
