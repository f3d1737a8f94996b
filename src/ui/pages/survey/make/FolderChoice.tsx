import { changePack, useMaker } from '../../../../state/survey/maker.ts';
import type { Campaign } from '../../../../survey/manifest.ts';
import { formatPlural } from '../../../format.ts';
import { FilePicker } from '../../../primitives/FilePicker.tsx';
import { Segments } from '../../../primitives/Segments.tsx';
import styles from './MakePack.module.css';

const CAMPAIGNS = [
  { value: 'metrics', label: 'Metrics' },
  { value: 'methods', label: 'Methods' },
] as const satisfies readonly { value: Campaign; label: string }[];

/** Folders laid out as those of the official notebooks. */
export function FolderChoice() {
  const campaign = useMaker((state) => state.folderCampaign);
  const files = useMaker((state) => state.files.length);
  return (
    <div className={styles.folder}>
      <Segments
        label="What the folders compare"
        value={campaign}
        options={CAMPAIGNS}
        onChange={(next) => void changePack({ folderCampaign: next })}
      />
      <p>
        PNG images as{' '}
        <code>
          {campaign === 'metrics' ? 'score/prompt_number.png' : 'category/method/prompt_number.png'}
        </code>
        , below any folder.
      </p>
      <div className={styles.row}>
        <FilePicker
          label="Folder of images"
          text="Choose a folder"
          folder
          onFiles={(chosen) => void changePack({ files: chosen })}
        />
        <span className={styles.help}>{files === 0 ? 'None chosen.' : formatPlural(files, 'file')}</span>
      </div>
    </div>
  );
}
