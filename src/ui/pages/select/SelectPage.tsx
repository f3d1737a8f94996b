import { useEffect, useMemo, useState } from 'react';
import { useEngine } from '../../../state/page/engine.ts';
import {
  awaitsRanking,
  picksOf,
  restoreRanking,
  shownPool,
  showRound,
  useGallery,
} from '../../../state/run/gallery.ts';
import { workOn } from '../../../state/run/runActions.ts';
import { useMissingRunModel } from '../../../state/run/runModel.ts';
import { isFree, isPast, useRuns } from '../../../state/run/runs.ts';
import { countPicks } from '../../../state/run/selection.ts';
import { useTraining } from '../../../state/run/training.ts';
import { formatPlural } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { Choice } from '../../primitives/Choice.tsx';
import { ContactSheet } from '../../sheet/ContactSheet.tsx';
import { Inspector } from '../../sheet/Inspector.tsx';
import { NoRun } from '../NoRun.tsx';
import { PageHead } from '../PageHead.tsx';
import { PlainWords } from '../PlainWords.tsx';
import page from '../page.module.css';
import { RankControls } from './RankControls.tsx';
import { ScoreNote } from './ScoreNote.tsx';

/** The gallery: every prompt's candidates by rank, and which of them are kept. */
export function SelectPage() {
  const run = useRuns((state) => state.open);
  const idle = useRuns(isFree);
  const done = useRuns((state) => state.open?.summary.status === 'done');
  const current = useRuns((state) => state.round);
  const trained = useTraining((state) => state.train.some((record) => record.round === current));
  const closed = useRuns((state) => isPast(state.stage, 'select')) && (trained || done);
  const pool = useGallery(shownPool);
  const rounds = useGallery((state) => state.rounds);
  const round = useGallery((state) => state.round);
  const kept = useGallery((state) => countPicks(picksOf(state)));
  const awaits = useGallery(awaitsRanking);
  const modelReady = useEngine((state) => state.status === 'ready');
  const ready = useMissingRunModel() === null && modelReady && idle;
  useEffect(() => {
    if (awaits && ready) void restoreRanking();
  }, [awaits, ready]);
  const [showMetrics, setShowMetrics] = useState(true);
  const [unlocked, setUnlocked] = useState(false);
  const editable = idle && round === current && (!closed || unlocked);
  const rows = useMemo(() => [...pool.keys()].sort((a, b) => a - b), [pool]);
  if (run === null) return <NoRun title="Select" />;
  if (pool.size === 0) {
    return (
      <>
        <PageHead title="Select" lead="The gallery fills while the set is built." />
        <p className={page.empty}>No images yet.</p>
      </>
    );
  }
  return (
    <>
      <PageHead
        title="Select"
        lead={`${formatPlural(kept, 'image')} kept of ${formatPlural(pool.size, 'prompt')}, best first.${editable ? ' Click an image, or press Enter on it, to keep it or leave it out.' : ''}`}
      >
        {rounds.size > 1 ? (
          <Choice
            label="Round"
            value={String(round)}
            options={[...rounds.keys()].map((r) => ({ value: String(r), label: `Round ${r + 1}` }))}
            onChange={(value) => showRound(Number(value))}
          />
        ) : null}
        {idle && closed && !unlocked && round === current ? (
          <Button onClick={() => setUnlocked(true)}>Change the selection</Button>
        ) : null}
        {idle && !done ? (
          <Button look="primary" onClick={() => void workOn('done')}>
            Train on these
          </Button>
        ) : null}
      </PageHead>
      <PlainWords of="select" />
      <ScoreNote spec={run.spec} />
      {editable || !idle ? null : (
        <p className={page.muted}>
          This selection is in use. Other rankings can be looked at; changing it means that the run trains
          again.
        </p>
      )}
      <RankControls
        run={run}
        locked={!idle}
        editable={editable}
        showMetrics={showMetrics}
        onShowMetrics={setShowMetrics}
      />
      <div className={page.split}>
        <ContactSheet
          run={run}
          rows={rows}
          mode="select"
          locked={!editable}
          showMetrics={showMetrics}
          label="Candidates by rank"
        />
        <div className={page.aside}>
          <Inspector run={run} showMetrics={showMetrics} />
        </div>
      </div>
    </>
  );
}
