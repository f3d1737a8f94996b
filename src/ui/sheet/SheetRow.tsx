import { useState } from 'react';
import type { CandidateRecord } from '../../contract/events.ts';
import {
  focusOn,
  promptPicks,
  shownPool,
  shownStopped,
  toggle,
  useGallery,
} from '../../state/run/gallery.ts';
import { ranked, scoreOf } from '../../state/run/selection.ts';
import styles from './ContactSheet.module.css';
import { EmptyFrame, Frame } from './Frame.tsx';

type SheetRowProps = {
  readonly runId: string;
  readonly prompt: number;
  readonly text: string;
  readonly heldOut: boolean;
  readonly expected: number;
  readonly columns: number;
  readonly mode: 'watch' | 'select';
  readonly locked: boolean;
  readonly showMetrics: boolean;
};

const NO_RECORDS: readonly CandidateRecord[] = [];

/** One prompt and its candidates: in order of drawing while they arrive, best first when selecting. */
export function SheetRow({
  runId,
  prompt,
  text,
  heldOut,
  expected,
  columns,
  mode,
  locked,
  showMetrics,
}: SheetRowProps) {
  const records = useGallery((state) => shownPool(state).get(prompt) ?? NO_RECORDS);
  const picks = useGallery((state) => promptPicks(state, prompt));
  const byHand = useGallery((state) => state.byHand.has(prompt));
  const scores = useGallery((state) => state.scores);
  const focus = useGallery((state) => (state.focus?.prompt === prompt ? state.focus.candidate : null));
  const stopped = useGallery((state) => shownStopped(state).get(prompt)?.size ?? 0);
  const [all, setAll] = useState(false);

  const ordered = mode === 'select' ? ranked(records, scores) : records;
  const shown = all ? ordered : firstLine(ordered, columns, picks);
  const hidden = ordered.length - shown.length;
  const missing = mode === 'watch' ? Math.max(0, Math.min(columns, expected - stopped) - shown.length) : 0;
  const tabStop = shown.some((r) => r.candidate === focus) ? focus : (shown[0]?.candidate ?? null);
  const selectable = mode === 'select' && !locked;

  return (
    <section className={styles.row} aria-label={text} data-row={prompt}>
      <header className={styles.head}>
        <span className={styles.index}>{prompt + 1}</span>
        <h2 className={styles.text}>{text}</h2>
        {heldOut ? <span className={styles.tag}>held out</span> : null}
        {stopped === 0 ? null : <span className={styles.tag}>{stopped} stopped early</span>}
        {byHand ? <span className={styles.tag}>chosen by hand</span> : null}
        {hidden > 0 || all ? (
          <button type="button" className={styles.more} aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? 'Show fewer' : `Show ${hidden} more`}
          </button>
        ) : null}
      </header>
      <div className={styles.frames} style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 144px))` }}>
        {shown.map((record) => (
          <Frame
            key={record.candidate}
            runId={runId}
            record={record}
            promptText={text}
            score={scoreOf(record, scores)}
            picked={picks.has(record.candidate)}
            focused={record.candidate === focus}
            tabStop={record.candidate === tabStop}
            selectable={selectable}
            showMetrics={showMetrics}
            onFocus={() => focusOn({ prompt, candidate: record.candidate })}
            onUse={() => {
              focusOn({ prompt, candidate: record.candidate });
              if (selectable) void toggle(prompt, record.candidate);
            }}
          />
        ))}
        {Array.from({ length: missing }, (_, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: places have no other identity
          <EmptyFrame key={`empty-${i}`} />
        ))}
      </div>
    </section>
  );
}

/** What fits in one line, in order; kept images take the places of others and are always all there. */
function firstLine(
  ordered: readonly CandidateRecord[],
  columns: number,
  picks: ReadonlySet<number>,
): readonly CandidateRecord[] {
  const kept = ordered.filter((record) => picks.has(record.candidate)).length;
  let places = Math.max(0, columns - kept);
  return ordered.filter((record) => picks.has(record.candidate) || places-- > 0);
}
