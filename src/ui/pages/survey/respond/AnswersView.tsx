import { useEffect, useRef, useState } from 'react';
import {
  answerFile,
  forgetAnswers,
  reopen,
  startOver,
  useRespondent,
} from '../../../../state/survey/respondent.ts';
import { resetSending, sendAnswers, useSending } from '../../../../state/survey/sending.ts';
import { Button } from '../../../primitives/Button.tsx';
import { Scroll } from '../../../primitives/Scroll.tsx';
import { saveFile } from '../../../saveFile.ts';
import { ErrorCard } from '../../../shell/ErrorCard.tsx';
import styles from './Respondent.module.css';

/** The end: the answers in full, and what the respondent does with them. */
export function AnswersView() {
  const answersTo = useRespondent((state) => state.manifest?.answersTo ?? null);
  const { state: sending, failure } = useSending();
  const [saved, setSaved] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
    return resetSending;
  }, []);
  const file = answerFile();
  if (file === null) return null;
  const download = () => {
    saveFile({ name: file.name, bytes: new TextEncoder().encode(file.text) });
    setSaved(true);
    void forgetAnswers();
  };
  const done = saved || sending === 'yes';
  return (
    <div className={styles.narrow}>
      <h1 ref={heading} tabIndex={-1}>
        Thank you
      </h1>
      <p>
        {answersTo === null
          ? 'These are your answers. Download them and send the file to whoever asked you.'
          : 'These are your answers. They have not left this browser yet.'}
      </p>
      <Scroll label="Your answers" className={styles.answers}>
        <pre>{file.text}</pre>
      </Scroll>
      {answersTo === null ? null : (
        <p>
          Sending posts this file, and nothing else, to <code className={styles.address}>{answersTo}</code>
        </p>
      )}
      {failure === null ? null : (
        <div role="alert">
          <ErrorCard report={failure} severity="error" />
        </div>
      )}
      <div className={styles.actions}>
        {answersTo === null ? null : (
          <Button look="primary" size="large" disabled={sending !== 'no'} onClick={() => void sendAnswers()}>
            {sending === 'no' ? 'Send the answers' : sending === 'yes' ? 'Sent' : 'Sending'}
          </Button>
        )}
        <Button size="large" look={answersTo === null ? 'primary' : 'plain'} onClick={download}>
          Download the answers
        </Button>
        {done ? (
          <Button size="large" look="quiet" onClick={() => void startOver()}>
            Another survey
          </Button>
        ) : (
          <Button size="large" look="quiet" onClick={reopen}>
            Back to the last round
          </Button>
        )}
      </div>
      <p role="status">
        {done ? 'Nothing of this survey is kept in this browser. You can close this page.' : ''}
      </p>
    </div>
  );
}
