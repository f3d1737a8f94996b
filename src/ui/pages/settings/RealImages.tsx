import { dropRealImages, importImages, useRealImages } from '../../../state/setup/realImages.ts';
import { patchDraft, useSettings } from '../../../state/setup/settings.ts';
import { formatPlural } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { FilePicker } from '../../primitives/FilePicker.tsx';
import { NumberInput } from '../../primitives/NumberInput.tsx';
import styles from './FieldGroup.module.css';
import { SettingsGroup } from './SettingsGroup.tsx';

/** Captioned images of the user's own that can take a share of the training set. */
export function RealImages() {
  const { folder, busy } = useRealImages();
  const realImages = useSettings((state) => state.realImages);
  return (
    <SettingsGroup
      id="real"
      title="Real images"
      summary="The best-scored images of a captioned folder can replace a share of the drawn ones (the paper’s Table 7)."
    >
      <div className={styles.row}>
        <div>
          <p className={styles.label}>Folder</p>
          <p className={styles.help}>
            {folder === null
              ? 'PNG images with a metadata.jsonl that holds file_name and text for each.'
              : `${folder.name}: ${formatPlural(folder.images, 'image')}.`}
          </p>
          {folder?.warnings.map((warning) => (
            <p key={warning} className={styles.help}>
              {warning}
            </p>
          ))}
        </div>
        <div className={styles.control}>
          <FilePicker
            label="Image folder"
            text={busy ? 'Copying' : 'Choose folder'}
            folder
            disabled={busy}
            onFiles={(files) => void importImages(files[0]?.path.split('/')[0] ?? 'images', files)}
          />
          {realImages === null ? null : (
            <Button size="small" look="quiet" onClick={dropRealImages}>
              Use none
            </Button>
          )}
        </div>
      </div>
      {realImages === null ? null : (
        <div className={styles.row}>
          <div>
            <p className={styles.label}>Share of the training set</p>
            <p className={styles.help}>
              Ranked within the folder: their scores are not on one scale with those of drawn images.
            </p>
          </div>
          <NumberInput
            label="Share of real images"
            value={realImages.share}
            min={0}
            max={1}
            step={0.05}
            onChange={(share) => share !== null && patchDraft({ realImages: { ...realImages, share } })}
          />
        </div>
      )}
    </SettingsGroup>
  );
}
