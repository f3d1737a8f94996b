import { useState } from 'react';
import { surveyLink } from '../../../../state/survey/link.ts';
import { makePack, useMaker, whatIsMissing } from '../../../../state/survey/maker.ts';
import { formatCount, formatPercent, formatPlural } from '../../../format.ts';
import { Button } from '../../../primitives/Button.tsx';
import { LabeledText } from '../../../primitives/Labeled.tsx';
import { Meter } from '../../../primitives/Meter.tsx';
import { saveBlob } from '../../../saveFile.ts';
import styles from './MakePack.module.css';

/** What the pack holds, the pack itself, and the link that opens it once it is on a server. */
export function PackResult() {
  const state = useMaker();
  const [address, setAddress] = useState('');
  const { draft, packed } = state;
  const missing = whatIsMissing(state);
  const download = async () => {
    const made = await makePack();
    if (made !== null) saveBlob(made.name, made.blob);
  };
  return (
    <>
      <div className={styles.result} aria-live="polite">
        {draft === null || missing !== null ? (
          <p>{missing}</p>
        ) : (
          <p>
            {formatPlural(draft.questions.length, 'prompt')}, {draft.columns.length} images each, of which{' '}
            {formatCount(draft.sources.size)} are different: {draft.columns.join(', ')}.
            {draft.incomplete > 0
              ? ` ${formatPlural(draft.incomplete, 'prompt is', 'prompts are')} left out for lack of an image.`
              : ''}
          </p>
        )}
        <Button look="primary" disabled={missing !== null || packed !== null} onClick={() => void download()}>
          Download the pack
        </Button>
        {packed === null ? null : (
          <Meter label="Packing images" share={packed} text={`${formatPercent(packed)} packed`} />
        )}
      </div>
      <section className={styles.share} aria-labelledby="share-title">
        <h2 id="share-title">Hand it out</h2>
        <p>
          Send the file: respondents drop it on <code>{surveyLink('', location.href)}</code>. Or put it on a
          server, beside this page or anywhere that lets other pages read it, and send this link:
        </p>
        <div className={styles.fields}>
          <div>
            <LabeledText
              id="survey-address"
              label="Address of the pack"
              placeholder="survey-metrics.zip"
              value={address}
              onChange={setAddress}
            />
          </div>
        </div>
        {address.trim() === '' ? null : (
          <p>
            <a
              className={styles.link}
              href={surveyLink(address, location.href)}
              target="_blank"
              rel="noreferrer"
            >
              {surveyLink(address, location.href)}
            </a>
          </p>
        )}
      </section>
    </>
  );
}
