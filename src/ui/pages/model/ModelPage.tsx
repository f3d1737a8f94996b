import { useEffect, useMemo } from 'react';
import { useDownloads } from '../../../state/model/downloads.ts';
import { modelRows } from '../../../state/model/modelRows.ts';
import { refreshStored, useStored } from '../../../state/model/stored.ts';
import { PageHead } from '../PageHead.tsx';
import page from '../page.module.css';
import { AddModel } from './AddModel.tsx';
import { ModelInUse } from './ModelInUse.tsx';
import { ModelItem } from './ModelItem.tsx';
import styles from './ModelList.module.css';

/** The model in use, those that can be had, and ways to add one. */
export function ModelPage() {
  useEffect(() => {
    void refreshStored();
  }, []);
  return (
    <>
      <PageHead
        title="Model"
        lead="The shapes model comes with this page and lets you try everything in minutes. Stable Diffusion models are fetched once and kept in this browser."
      />
      <ModelInUse />
      <section className={page.section} aria-labelledby="models-title">
        <h2 id="models-title">Models</h2>
        <ModelList />
      </section>
      <section className={page.section} aria-labelledby="add-title">
        <h2 id="add-title">Another model</h2>
        <AddModel />
      </section>
    </>
  );
}

/** Known models, those in this browser and those on their way. */
function ModelList() {
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
