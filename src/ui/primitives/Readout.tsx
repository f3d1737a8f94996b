import type { ReactNode } from 'react';
import { formatDuration } from '../format.ts';
import styles from './Readout.module.css';

type ReadoutProps = { readonly label: string; readonly value: ReactNode; readonly note?: ReactNode };

/** A row of measured values, like the dials of an instrument. */
export function Readouts({ children }: { readonly children: ReactNode }) {
  return <dl className={styles.row}>{children}</dl>;
}

/** One figure with its name, and what it is out of. */
export function Readout({ label, value, note }: ReadoutProps) {
  return (
    <div className={styles.readout}>
      <dt className={styles.label}>{label}</dt>
      <dd className={styles.value}>{value}</dd>
      {note === undefined ? null : <dd className={styles.note}>{note}</dd>}
    </div>
  );
}

/** How long the present stage will still take, as far as that is known. */
export function TimeLeft({ seconds }: { readonly seconds: number | null | undefined }) {
  return (
    <Readout
      label="Time left"
      value={seconds == null ? '–' : formatDuration(seconds)}
      note="for this stage"
    />
  );
}
