import { openPackFile } from '../../../../state/survey/respondent.ts';
import { FilePicker } from '../../../primitives/FilePicker.tsx';
import styles from './Respondent.module.css';

export function PackPicker() {
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
