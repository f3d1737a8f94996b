import { useMemo } from 'react';
import { useDownloads } from '../../../state/model/downloads.ts';
import { modelRows } from '../../../state/model/modelRows.ts';
import { useStored } from '../../../state/model/stored.ts';
import { ModelItem } from './ModelItem.tsx';
import styles from './ModelList.module.css';

/** Known models, those in this browser and those on their way. */
export function ModelList() {
  const list = useStored((state) => state.list);
  const downloads = useDownloads((state) => state.items);
  const rows = useMemo(() => modelRows(list, downloads), [list, downloads]);
  return (
    <ul className={styles.list}>
      {rows.map((row) => (
        <ModelItem key={row.id} row={row} />
      ))}
    </ul>
  );
}
