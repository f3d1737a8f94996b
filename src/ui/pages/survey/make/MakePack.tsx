import { changePack, type MakerSource, useMaker } from '../../../../state/survey/maker.ts';
import { PAPER_ROUNDS } from '../../../../survey/manifest.ts';
import { LabeledCount, LabeledText } from '../../../primitives/Labeled.tsx';
import { Segments } from '../../../primitives/Segments.tsx';
import { FolderChoice } from './FolderChoice.tsx';
import styles from './MakePack.module.css';
import { PackResult } from './PackResult.tsx';
import { RunChoice } from './RunChoice.tsx';
import { ScoreChoice } from './ScoreChoice.tsx';

const SOURCES = [
  { value: 'run', label: 'Scores of the open run' },
  { value: 'runs', label: 'Several runs' },
  { value: 'folders', label: 'Folders of images' },
] as const satisfies readonly { value: MakerSource; label: string }[];

/** A pack: what is compared, how many rounds a survey has, and where its answers go. */
export function MakePack() {
  const { source, title, rounds, answersTo, folderCampaign } = useMaker();
  const campaign = source === 'run' ? 'metrics' : source === 'runs' ? 'methods' : folderCampaign;
  return (
    <div className={styles.maker}>
      <Segments
        label="Where the images come from"
        value={source}
        options={SOURCES}
        onChange={(next) => void changePack({ source: next })}
      />
      {source === 'run' ? <ScoreChoice /> : source === 'runs' ? <RunChoice /> : <FolderChoice />}
      <div className={styles.fields}>
        <div>
          <LabeledText
            id="survey-title"
            label="Title"
            value={title}
            maxLength={120}
            onChange={(value) => void changePack({ title: value })}
          />
        </div>
        <LabeledCount
          label={campaign === 'metrics' ? 'Rounds of a survey' : 'Rounds of each category'}
          value={rounds ?? PAPER_ROUNDS[campaign]}
          min={1}
          max={100}
          onChange={(value) => void changePack({ rounds: value })}
        />
        <div className={styles.wide}>
          <LabeledText
            id="survey-answers-to"
            label="Address for answers (optional)"
            type="url"
            placeholder="https://"
            value={answersTo}
            aria-describedby="survey-answers-help"
            onChange={(value) => void changePack({ answersTo: value })}
          />
          <p id="survey-answers-help" className={styles.help}>
            At the end respondents see their answers and this address, and may post them there as the form
            field “answers”. Without an address they download a file and send it to you.
          </p>
        </div>
      </div>
      <PackResult />
    </div>
  );
}
