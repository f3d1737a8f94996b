import type { CandidateRecord } from '../../contract/events.ts';
import { formatNumber } from '../format.ts';
import { shownMetrics } from '../metrics.ts';
import { Icon } from '../primitives/Icon.tsx';
import { CandidatePicture } from '../primitives/Picture.tsx';
import styles from './Frame.module.css';

type FrameProps = {
  readonly runId: string;
  readonly record: CandidateRecord;
  readonly promptText: string;
  readonly score: number | null;
  readonly picked: boolean;
  readonly focused: boolean;
  /** Where the tab key enters this row. */
  readonly tabStop: boolean;
  readonly selectable: boolean;
  readonly showMetrics: boolean;
  readonly onUse: () => void;
  readonly onFocus: () => void;
};

/** One frame of the contact sheet: its image, its number and its score on the edge. */
export function Frame(props: FrameProps) {
  const { runId, record, promptText, score, picked, focused, selectable, showMetrics } = props;
  const number = record.candidate + 1;
  const metrics = showMetrics ? shownMetrics(record.metrics) : [];
  const name = [
    `Candidate ${number} of “${promptText}”`,
    score === null ? 'outside the ranking' : `score ${formatNumber(score)}`,
    ...metrics.map(({ metric, text }) => `${metric.title.toLowerCase()} ${text}`),
    ...(picked && !selectable ? ['kept'] : []),
  ].join(', ');
  return (
    <button
      type="button"
      className={styles.frame}
      data-frame={record.candidate}
      data-picked={picked}
      data-focused={focused}
      data-outside={score === null}
      aria-pressed={selectable ? picked : undefined}
      tabIndex={props.tabStop ? 0 : -1}
      onClick={props.onUse}
      onFocus={props.onFocus}
    >
      <CandidatePicture
        at={{ runId, round: record.round, prompt: record.prompt, candidate: record.candidate }}
        alt=""
      />
      <span className="visually-hidden">{name}</span>
      <span className={styles.edge} aria-hidden="true">
        <span className={styles.number}>
          {number}
          {picked ? <Icon name="check" /> : null}
        </span>
        <span>{formatNumber(score, 3)}</span>
      </span>
      {metrics.map(({ metric, text, full }) => (
        <span key={metric.name} className={styles.metric} data-full={full} aria-hidden="true">
          <span>{metric.short}</span>
          <span>{text}</span>
        </span>
      ))}
    </button>
  );
}

/** The place of an image that is still to come. */
export function EmptyFrame() {
  return (
    <div className={styles.frame} aria-hidden="true">
      <div className={styles.blank} />
    </div>
  );
}
