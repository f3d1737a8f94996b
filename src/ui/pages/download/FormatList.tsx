import { useState } from 'react';
import { EXPORT_NAMES, LOW_RANK } from '../../../contract/adapterFiles.ts';
import type { AdapterId } from '../../../contract/comparison.ts';
import { LabeledCount } from '../../primitives/Labeled.tsx';
import { Toggle } from '../../primitives/Toggle.tsx';
import styles from './DownloadPage.module.css';
import { FormatRow } from './FormatRow.tsx';

/** An adapter in every format; those that have to be worked out are shown with what they lost before they are saved. */
export function FormatList({ adapter }: { readonly adapter: AdapterId }) {
  const [rank, setRank] = useState(LOW_RANK);
  const [half, setHalf] = useState(false);
  return (
    <>
      <div className={styles.formatOptions}>
        <div className={styles.rank}>
          <LabeledCount
            label="Singular values kept per layer"
            value={rank}
            min={1}
            max={1024}
            onChange={setRank}
          />
        </div>
        <Toggle label="Differences in half precision" checked={half} onChange={setHalf} visibleLabel />
      </div>
      <ul className={styles.list}>
        {EXPORT_NAMES.map((format) => (
          <FormatRow key={`${adapter} ${format} ${rank} ${half}`} {...{ adapter, format, rank, half }} />
        ))}
      </ul>
    </>
  );
}
