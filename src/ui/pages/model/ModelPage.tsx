import { useEffect } from 'react';
import { refreshStored } from '../../../state/model/stored.ts';
import { PageHead } from '../PageHead.tsx';
import page from '../page.module.css';
import { AddModel } from './AddModel.tsx';
import { ModelInUse } from './ModelInUse.tsx';
import { ModelList } from './ModelList.tsx';

export function ModelPage() {
  useEffect(() => {
    void refreshStored();
  }, []);
  return (
    <>
      <PageHead
        title="Model"
        lead="The shapes model comes with this page and tries everything out in minutes. Stable Diffusion models are fetched once and kept in this browser."
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
