import { contactServer, openPackFile, useRespondent } from '../../../../state/survey/respondent.ts';
import { formatPercent } from '../../../format.ts';
import { Button } from '../../../primitives/Button.tsx';
import { FilePicker } from '../../../primitives/FilePicker.tsx';
import { Meter } from '../../../primitives/Meter.tsx';
import { ErrorCard } from '../../../shell/ErrorCard.tsx';
import { AnswersView } from './AnswersView.tsx';
import styles from './Respondent.module.css';
import { RoundView } from './RoundView.tsx';
import { Welcome } from './Welcome.tsx';

/** The survey as its respondents see it, from the pack to the answers. */
export function Respondent() {
  const failure = useRespondent((state) => state.failure);
  return (
    <div className={styles.respondent}>
      {failure === null ? null : (
        <div role="alert">
          <ErrorCard report={failure} severity="error" />
        </div>
      )}
      <PhaseView />
    </div>
  );
}

function PhaseView() {
  const phase = useRespondent((state) => state.phase);
  const checked = useRespondent((state) => state.checked);
  switch (phase) {
    case 'empty':
      return <PackPicker />;
    case 'asking':
      return <AskFirst />;
    case 'opening':
      return <p role="status">Opening the survey.</p>;
    case 'welcome':
      return <Welcome />;
    case 'checking':
      return (
        <div className={styles.narrow}>
          <p role="status">Reading the images, {formatPercent(checked)}.</p>
          <Meter label="Reading the images" share={checked} />
        </div>
      );
    case 'rounds':
      return <RoundView />;
    case 'done':
      return <AnswersView />;
    default:
      return phase satisfies never;
  }
}

/** A link may lead anywhere: another server is named before it learns of this visit. */
function AskFirst() {
  const host = useRespondent((state) => state.host);
  return (
    <div className={styles.narrow}>
      <h1>A survey</h1>
      <p>
        {host === null
          ? 'This link leads to a survey on this server.'
          : `This link leads to a survey on ${host}, which has not been contacted yet.`}
      </p>
      <Button look="primary" size="large" onClick={() => void contactServer()}>
        {host === null ? 'Open the survey' : `Open the survey from ${host}`}
      </Button>
    </div>
  );
}

function PackPicker() {
  return (
    <div className={styles.narrow}>
      <h1>Take a survey</h1>
      <p>Surveys come as a link, or as one file: a pack with the ending .zip. Drop it here, or choose it.</p>
      <FilePicker
        label="Survey pack file"
        text="Choose a survey pack"
        accept=".zip"
        onFiles={([first]) => first && void openPackFile(first.path, first.file)}
      />
    </div>
  );
}
