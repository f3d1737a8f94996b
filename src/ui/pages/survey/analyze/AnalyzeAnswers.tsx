import { useMemo } from 'react';
import {
  addAnswers,
  forgetAnswerFiles,
  type LoadedAnswers,
  renameGroup,
  useAnswers,
} from '../../../../state/survey/answers.ts';
import { methodTable, patternTable } from '../../../../survey/tables.ts';
import { methodsCsv, patternsCsv } from '../../../../survey/tablesCsv.ts';
import { formatPlural } from '../../../format.ts';
import { Button } from '../../../primitives/Button.tsx';
import controls from '../../../primitives/controls.module.css';
import { FilePicker } from '../../../primitives/FilePicker.tsx';
import { saveText } from '../../../saveFile.ts';
import styles from './Analyze.module.css';
import { MethodsView } from './MethodsView.tsx';
import { PatternsView } from './PatternsView.tsx';
import { RatersView } from './RatersView.tsx';

/** What answer files add up to: the paper's tables, and whether people agree. */
export function AnalyzeAnswers() {
  const files = useAnswers((state) => state.files);
  return (
    <div className={styles.analyze}>
      <p>
        Drop or choose the answer files of a campaign, one file a survey, any number of times. Files of a
        folder count as a group of people; so does each choice of files.
      </p>
      <div className={styles.tools}>
        <FilePicker
          label="Answer files"
          text="Choose answer files"
          accept=".csv"
          multiple
          onFiles={(chosen) => void addAnswers(chosen)}
        />
        <FilePicker
          label="Folder of answer files"
          text="Choose a folder"
          folder
          onFiles={(chosen) => void addAnswers(chosen.filter(({ path }) => path.endsWith('.csv')))}
        />
        {files.length === 0 ? null : (
          <Button look="quiet" onClick={forgetAnswerFiles}>
            Clear {formatPlural(files.length, 'file')}
          </Button>
        )}
      </div>
      {files.length === 0 ? null : <Tables files={files} />}
    </div>
  );
}

function Tables({ files }: { readonly files: readonly LoadedAnswers[] }) {
  const campaign = files[0]?.file.campaign ?? 'metrics';
  const patterns = useMemo(() => (campaign === 'metrics' ? patternTable(files) : null), [files, campaign]);
  const methods = useMemo(() => (campaign === 'methods' ? methodTable(files) : null), [files, campaign]);
  return (
    <>
      <GroupNames files={files} />
      {patterns === null ? null : <PatternsView table={patterns} />}
      {methods === null ? null : <MethodsView table={methods} />}
      <RatersView files={files} />
      <div className={styles.tools}>
        <Button
          onClick={() =>
            patterns !== null
              ? saveText('survey-metrics.csv', patternsCsv(patterns))
              : methods !== null && saveText('survey-methods.csv', methodsCsv(methods))
          }
        >
          Download the table
        </Button>
      </div>
    </>
  );
}

/** The groups of people, which can be renamed; two with the same name become one. */
function GroupNames({ files }: { readonly files: readonly LoadedAnswers[] }) {
  const names = [...new Set(files.map(({ group }) => group))];
  return (
    <section className={styles.groups} aria-label="Groups of people">
      {names.map((name) => (
        <label key={name} className={styles.group}>
          <span className={styles.detail}>
            Group of {formatPlural(files.filter(({ group }) => group === name).length, 'survey')}
          </span>
          <input
            className={controls.textInput}
            defaultValue={name}
            maxLength={40}
            onBlur={(event) => renameGroup(name, event.currentTarget.value)}
            onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
          />
        </label>
      ))}
    </section>
  );
}
