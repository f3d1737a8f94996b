import { useEffect } from 'react';
import { refreshStored, useStored } from '../../../state/model/stored.ts';
import { goTo } from '../../../state/page/navigation.ts';
import { refreshRuns } from '../../../state/run/runActions.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { formatBytes, formatPlural } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { PageHead } from '../PageHead.tsx';
import page from '../page.module.css';
import { StorageUse } from './StorageUse.tsx';
import { StoredSection } from './StoredSection.tsx';

/** What this page keeps in the browser: how much, of what, whether it is whole, and how to be rid of it. */
export function StoragePage() {
  const list = useStored((state) => state.list);
  const runs = useRuns((state) => state.runs);
  useEffect(() => {
    void refreshStored();
    void refreshRuns();
  }, []);
  const runBytes = (runs ?? []).reduce((sum, run) => sum + run.sizeBytes, 0);
  return (
    <>
      <PageHead
        title="Storage"
        lead="Everything is kept in this browser, on this computer. Nothing is sent anywhere."
      />
      <StorageUse list={list} runBytes={runBytes} />
      <StoredSection
        title="Models"
        items={list?.models ?? null}
        empty="None yet. The shapes model comes with the page and takes no room here."
      />
      <StoredSection
        title="Adapters"
        items={list?.adapters ?? null}
        empty="None imported. Adapters that runs have trained are stored with their runs."
      />
      <StoredSection
        title="Image folders"
        items={list?.images ?? null}
        empty="None. A folder of captioned images can be chosen in the settings."
      />
      {list === null || list.surveys.length === 0 ? null : (
        <StoredSection title="Surveys under way" items={list.surveys} empty="" />
      )}
      <section className={page.section} aria-labelledby="stored-runs">
        <h2 id="stored-runs">Runs</h2>
        <div className={page.tools}>
          <p>
            {runs === null || runs.length === 0
              ? 'None yet.'
              : `${formatPlural(runs.length, 'run')} with images, scores and checkpoints, ${formatBytes(runBytes)}.`}
          </p>
          {runs === null || runs.length === 0 ? null : (
            <Button size="small" onClick={() => goTo('start')}>
              Go to the runs
            </Button>
          )}
        </div>
      </section>
      {list === null || list.leftovers.length === 0 ? null : (
        <StoredSection title="Left behind by interrupted work" items={list.leftovers} empty="" />
      )}
    </>
  );
}
