import type { CandidateRecord } from '../../contract/events.ts';
import { promptPicks, shownPool, useGallery } from '../../state/run/gallery.ts';
import type { OpenRun } from '../../state/run/runs.ts';
import { ranked, scoreOf } from '../../state/run/selection.ts';
import { formatNumber } from '../format.ts';
import { shownMetrics } from '../metrics.ts';
import { CandidatePicture } from '../primitives/Picture.tsx';
import styles from './Inspector.module.css';
import { TraceChart } from './TraceChart.tsx';

const NO_RECORDS: readonly CandidateRecord[] = [];

/** The candidate in focus at a larger size, with its numbers and the traces of its prompt. */
export function Inspector({ run, showMetrics }: { readonly run: OpenRun; readonly showMetrics: boolean }) {
  const focus = useGallery((state) => state.focus);
  const prompt = focus?.prompt ?? -1;
  const records = useGallery((state) => shownPool(state).get(prompt) ?? NO_RECORDS);
  const picks = useGallery((state) => promptPicks(state, prompt));
  const scores = useGallery((state) => state.scores);
  const truncation = useGallery((state) => state.ranking.truncation);
  const record = records.find((r) => r.candidate === focus?.candidate);
  if (record === undefined)
    return <p className={styles.empty}>Choose an image to see its numbers and traces.</p>;
  const score = scoreOf(record, scores);
  const rank = ranked(records, scores).indexOf(record) + 1;
  const text = run.spec.prompts[prompt] ?? '';
  return (
    <aside className={styles.inspector} aria-label="Candidate in focus">
      <p className={styles.prompt}>{text}</p>
      <CandidatePicture
        at={{ runId: run.summary.id, round: record.round, prompt, candidate: record.candidate }}
        alt={`${text}, seed ${record.seed}`}
        crisp
      />
      <dl className={styles.facts}>
        <Fact label="Candidate" value={String(record.candidate + 1)} />
        <Fact
          label="Score"
          value={
            record.standardError === null
              ? formatNumber(score)
              : `${formatNumber(score)} ± ${formatNumber(record.standardError, 2)}`
          }
        />
        <Fact label="Rank" value={`${rank} of ${records.length}`} />
        {(showMetrics ? shownMetrics(record.metrics) : []).map(({ metric, text }) => (
          <Fact key={metric.name} label={metric.title} value={text} />
        ))}
        {(showMetrics ? shownMetrics(record.metrics) : []).flatMap(({ metric, asked }) =>
          asked.map(({ question, probability }) => (
            <Fact
              key={`${metric.name} ${question}`}
              label={`${metric.short}: ${question}`}
              value={formatNumber(probability, 3)}
            />
          )),
        )}
        <Fact label="Seed" value={String(record.seed)} />
      </dl>
      <div className={styles.trace}>
        <h3>Squared difference per step</h3>
        <TraceChart records={records} picks={picks} focus={record.candidate} truncation={truncation} />
        <p className={styles.key}>
          <span data-key="focus">this candidate</span>
          <span data-key="pick">kept</span>
          <span data-key="other">others</span>
        </p>
      </div>
    </aside>
  );
}

function Fact({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    <div className={styles.fact}>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}
