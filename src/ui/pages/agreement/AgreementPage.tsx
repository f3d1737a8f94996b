import { useEffect, useMemo, useRef, useState } from 'react';
import { type PairedPrompt, pairScores } from '../../../analysis/agreement.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { loadPoolScores, type NamedScore, usePoolScores } from '../../../state/run/agreement.ts';
import { shownStopped, useGallery } from '../../../state/run/gallery.ts';
import { addScores } from '../../../state/run/measuring.ts';
import { type OpenRun, useRuns } from '../../../state/run/runs.ts';
import { countPicks } from '../../../state/run/selection.ts';
import { formatPlural } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { Choice } from '../../primitives/Choice.tsx';
import { FilePicker } from '../../primitives/FilePicker.tsx';
import { saveText } from '../../saveFile.ts';
import { NoRun } from '../NoRun.tsx';
import { PageHead } from '../PageHead.tsx';
import page from '../page.module.css';
import styles from './Agreement.module.css';
import { AgreementTable } from './AgreementTable.tsx';
import { Disagreements } from './Disagreements.tsx';
import { FirstMiddleLast } from './FirstMiddleLast.tsx';
import { MeasurePool } from './MeasurePool.tsx';
import { pairsCsv } from './pairsCsv.ts';
import { RankFlow } from './RankFlow.tsx';
import { Scatter } from './Scatter.tsx';
import { snapshot } from './snapshot.ts';

/** The paper's section 3.1 and Figure 1 on the open run's pool: does another score see what this one sees? */
export function AgreementPage() {
  const run = useRuns((state) => state.open);
  const pool = useGallery((state) => state.rounds.get(state.round));
  const ready = useEngine((state) => state.status === 'ready');
  const scores = usePoolScores((state) => state.scores);
  useEffect(() => {
    if (run !== null && pool !== undefined) void loadPoolScores(ready);
  }, [ready, pool, run]);
  if (run === null) return <NoRun title="Agreement" />;
  if (scores.length < 2) {
    return (
      <>
        <PageHead title="Agreement" lead="How two scores order the same images.">
          <AddScores />
        </PageHead>
        {scores.length === 0 ? null : <MeasurePool run={run} />}
        <p className={page.empty}>
          {scores.length === 0
            ? 'No images yet.'
            : 'This pool has one score so far. Others come once the model is loaded.'}
        </p>
      </>
    );
  }
  return <Comparison run={run} scores={scores} />;
}

/** A table of another program, by the file names of the downloaded set. */
function AddScores() {
  return (
    <FilePicker
      label="Scores of another program"
      text="Add scores"
      accept=".csv,.json"
      onFiles={([first]) => first && void addScores(first.path, first.file)}
    />
  );
}

type ComparisonProps = { readonly run: OpenRun; readonly scores: readonly NamedScore[] };

function Comparison({ run, scores }: ComparisonProps) {
  const [first, setFirst] = useState('');
  const [second, setSecond] = useState('');
  const [chosenPrompt, setPrompt] = useState<number | null>(null);
  const stopped = useGallery((state) => countPicks(shownStopped(state)));
  const content = useRef<HTMLDivElement>(null);
  const ordering = scores.find(({ name }) => name === first) ?? (scores[0] as NamedScore);
  const others = useMemo(() => scores.filter((score) => score !== ordering), [scores, ordering]);
  const against = others.find(({ name }) => name === second) ?? (others[0] as NamedScore);
  const pairs = useMemo(() => pairScores(ordering, against), [ordering, against]);
  const prompt = pairs.find((pair) => pair.prompt === chosenPrompt) ?? pairs[0];
  const text = (pair: PairedPrompt) => run.spec.prompts[pair.prompt] ?? '';
  const options = (of: readonly NamedScore[]) =>
    of.map(({ name: value, label, help }) => ({ value, label, help }));
  return (
    <>
      <PageHead
        title="Agreement"
        lead="How two scores order the same images, within each prompt: scores of different prompts are not on one scale."
      >
        <AddScores />
        <Button
          onClick={() => saveText('agreement.csv', pairsCsv(run.spec.prompts, ordering, against, pairs))}
        >
          Download the numbers
        </Button>
        <Button
          onClick={() =>
            content.current !== null &&
            saveText('agreement.html', snapshot(content.current, `Agreement: ${run.summary.name}`))
          }
        >
          Download this page
        </Button>
      </PageHead>
      <MeasurePool run={run} />
      <div className={styles.choices}>
        <div>
          <span className={styles.label}>Score that orders</span>
          <Choice
            label="Score that orders"
            value={ordering.name}
            options={options(scores)}
            onChange={setFirst}
          />
        </div>
        <div>
          <span className={styles.label}>Held against</span>
          <Choice label="Held against" value={against.name} options={options(others)} onChange={setSecond} />
        </div>
        <div>
          <span className={styles.label}>Prompt on show</span>
          <Choice
            label="Prompt on show"
            value={String(prompt?.prompt ?? '')}
            options={pairs.map((pair) => ({
              value: String(pair.prompt),
              label: `${pair.prompt + 1}. ${text(pair)}`,
            }))}
            onChange={(value) => setPrompt(Number(value))}
          />
        </div>
      </div>
      <div ref={content}>
        {stopped === 0 ? null : (
          <p className={styles.note}>
            {formatPlural(stopped, 'candidate')} with the lower MI after the first steps{' '}
            {stopped === 1 ? 'was' : 'were'} stopped early and {stopped === 1 ? 'has' : 'have'} no image: what
            is compared are the others, not a whole pool.
          </p>
        )}
        <AgreementTable ordering={ordering} others={others} />
        {prompt === undefined ? null : (
          <FirstMiddleLast run={run} ordering={ordering} others={others} prompt={prompt.prompt} />
        )}
        <div className={styles.plots}>
          <Scatter ordering={ordering} against={against} pairs={pairs} />
          {prompt === undefined ? null : (
            <RankFlow ordering={ordering} against={against} prompt={prompt} text={text(prompt)} />
          )}
        </div>
        <Disagreements run={run} ordering={ordering} against={against} pairs={pairs} />
      </div>
    </>
  );
}
