import { useEffect } from 'react';
import { useEngine } from '../../../state/page/engine.ts';
import { showComparison, useCompare } from '../../../state/run/compare.ts';
import { workOn } from '../../../state/run/runActions.ts';
import { isFree, isPast, useRuns } from '../../../state/run/runs.ts';
import { useTraining } from '../../../state/run/training.ts';
import { Button } from '../../primitives/Button.tsx';
import { useAdapterOptions } from '../adapters/useAdapterOptions.ts';
import { PageHead } from '../PageHead.tsx';
import { PlainWords } from '../PlainWords.tsx';
import page from '../page.module.css';
import { VersionChoice } from '../VersionChoice.tsx';
import { CompareControls } from './CompareControls.tsx';
import { ComparisonTable } from './ComparisonTable.tsx';
import { EvaluationCard } from './EvaluationCard.tsx';

/** Before and after. Works without a run too, for an adapter that is dropped here. */
export function ComparePage() {
  const run = useRuns((state) => state.open);
  const idle = useRuns(isFree);
  const canEvaluate = useRuns((state) => isPast(state.stage, 'train') && !isPast(state.stage, 'evaluate'));
  const evaluations = useTraining((state) => state.evaluations);
  const { comparison, kept } = useCompare();
  const ready = useEngine((state) => state.status === 'ready');
  // That of a run comes with the run.
  const nothingYet = run === null && ready && comparison === null;
  useEffect(() => {
    if (nothingYet) void showComparison(null);
  }, [nothingYet]);
  const adapters = useAdapterOptions();
  const adapterName = (adapter: string): string =>
    adapters.find(({ value }) => value === adapter)?.label ?? 'An adapter that is gone';
  return (
    <>
      <PageHead
        title="Compare"
        lead="The same prompts and the same seeds, drawn in several ways: adapters, methods, both, or neither."
      >
        <VersionChoice />
        {run !== null && idle && canEvaluate ? (
          <Button look="primary" onClick={() => void workOn('done')}>
            Measure before and after
          </Button>
        ) : null}
      </PageHead>
      <PlainWords of="compare" />
      {evaluations.map((record) => (
        <EvaluationCard
          key={`${record.round}/${record.version}`}
          runId={run?.summary.id ?? ''}
          record={record}
          rounds={evaluations.length}
        />
      ))}
      {run !== null && evaluations.length === 0 ? (
        <p className={page.muted}>Measured on held-out prompts once training is done.</p>
      ) : null}
      <section className={page.section} aria-labelledby="columns-title">
        <h2 id="columns-title">Draw side by side</h2>
        <CompareControls />
        {comparison === null ? null : <ComparisonTable comparison={comparison} adapterName={adapterName} />}
        {comparison === null || kept ? null : (
          <p className={page.muted}>
            These images are not kept: the run is at work in another tab, or has been deleted.
          </p>
        )}
      </section>
    </>
  );
}
