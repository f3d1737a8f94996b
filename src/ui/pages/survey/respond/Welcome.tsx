import { startSurvey, useRespondent } from '../../../../state/survey/respondent.ts';
import { formatPlural } from '../../../format.ts';
import { Button } from '../../../primitives/Button.tsx';
import styles from './Respondent.module.css';

/** What is asked, and what becomes of the answers. */
export function Welcome() {
  const manifest = useRespondent((state) => state.manifest);
  const rounds = useRespondent((state) => state.roundCount);
  if (manifest === null) return null;
  const images = manifest.columns.length;
  const host = manifest.answersTo === null ? null : new URL(manifest.answersTo).host;
  return (
    <div className={styles.narrow}>
      <h1>{manifest.title}</h1>
      <ul className={styles.rules}>
        <li>
          {formatPlural(rounds, 'round')}, a few seconds each. Every round shows a prompt and{' '}
          {formatPlural(images, 'image')}.
        </li>
        <li>Select the images that represent the prompt best: none, some or all of them.</li>
        {manifest.campaign === 'methods' ? (
          <li>Look at whether an image fits the prompt rather than at how beautiful it is.</li>
        ) : (
          <li>Some of the images may be the same. That is no mistake.</li>
        )}
        <li>There are no right or wrong answers.</li>
        <li className={styles.keys}>
          By keyboard: <kbd>1</kbd> to <kbd>{images}</kbd> select, <kbd>Enter</kbd> goes on, <kbd>Shift</kbd>{' '}
          <kbd>Enter</kbd> goes back.
        </li>
      </ul>
      <Button look="primary" size="large" onClick={() => void startSurvey()}>
        Start
      </Button>
      <p className={styles.privacy}>
        No cookies, no name, nothing about you or your device. Selections stay in this browser until the end;
        then you see them
        {host === null
          ? ' and download them as a file.'
          : `, and decide whether to send them to ${host} or to download them.`}
      </p>
    </div>
  );
}
