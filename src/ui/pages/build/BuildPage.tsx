import { useMemo, useState } from 'react';
import { earlyStopOf } from '../../../contract/earlyStop.ts';
import { goTo } from '../../../state/page/navigation.ts';
import { shownPool, useGallery } from '../../../state/run/gallery.ts';
import { workOn } from '../../../state/run/runActions.ts';
import { isFree, isPast, type OpenRun, useRuns } from '../../../state/run/runs.ts';
import { isMeasured } from '../../metrics.ts';
import { Button } from '../../primitives/Button.tsx';
import { Toggle } from '../../primitives/Toggle.tsx';
import { ContactSheet } from '../../sheet/ContactSheet.tsx';
import { Inspector } from '../../sheet/Inspector.tsx';
import { NoRun } from '../NoRun.tsx';
import { PageHead } from '../PageHead.tsx';
import { PlainWords } from '../PlainWords.tsx';
import page from '../page.module.css';
import { BuildReadouts } from './BuildReadouts.tsx';

/** The pool as it is drawn. */
export function BuildPage() {
  const run = useRuns((state) => state.open);
  const idle = useRuns(isFree);
  const complete = useRuns((state) => isPast(state.stage, 'real-images'));
  const pool = useGallery(shownPool);
  const [showMetrics, setShowMetrics] = useState(true);
  // Newest on top while images arrive, in the order of the list once all are there.
  const rows = useMemo(
    () => (complete ? [...pool.keys()].sort((a, b) => a - b) : [...pool.keys()].reverse()),
    [pool, complete],
  );
  if (run === null) return <NoRun title="Build" />;
  const hasMetrics = [...pool.values()].some((records) => records.some(isMeasured));
  return (
    <>
      <PageHead title="Build the set" lead={leadOf(run)}>
        {idle && !complete ? (
          <Button look="primary" onClick={() => void workOn('select')}>
            {pool.size === 0 ? 'Build the set' : 'Continue building'}
          </Button>
        ) : null}
        {complete ? <Button onClick={() => goTo('select')}>Look at the selection</Button> : null}
      </PageHead>
      <PlainWords of="build" />
      <BuildReadouts run={run} pool={pool} />
      {pool.size === 0 ? (
        <p className={page.empty}>
          {idle ? 'No images yet.' : 'The first images appear here as soon as they are drawn.'}
        </p>
      ) : (
        <div className={page.split}>
          <div>
            {hasMetrics ? (
              <div className={page.tools}>
                <Toggle label="Metrics" visibleLabel checked={showMetrics} onChange={setShowMetrics} />
              </div>
            ) : null}
            <ContactSheet
              run={run}
              rows={rows}
              mode="watch"
              showMetrics={showMetrics}
              label="Candidates as they are drawn"
            />
          </div>
          <div className={page.aside}>
            <Inspector run={run} showMetrics={showMetrics} />
          </div>
        </div>
      )}
    </>
  );
}

function leadOf({ spec }: OpenRun): string {
  const { candidates } = spec.selection;
  return earlyStopOf(spec, spec.sampling.steps) === null
    ? `For every prompt, ${candidates} images are drawn, each with its own seed, and scored on the way.`
    : `For every prompt, ${candidates} images are begun, each with its own seed, and scored on the way. Of prompts that train, those with the lower score after the first steps are stopped early.`;
}
