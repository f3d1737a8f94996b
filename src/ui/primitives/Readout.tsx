import type { ReactNode } from 'react';
import styles from './Readout.module.css';

type ReadoutProps = { readonly label: string; readonly value: ReactNode; readonly note?: ReactNode };

/** A row of measured values, like the dials of an instrument. */
export function Readouts({ children }: { readonly children: ReactNode }) {
  return <dl className={styles.row}>{children}</dl>;
}

export function Readout({ label, value, note }: ReadoutProps) {
  return (
    <div className={styles.readout}>
      <dt className={styles.label}>{label}</dt>
      <dd className={styles.value}>{value}</dd>
      {note === undefined ? null : <dd className={styles.note}>{note}</dd>}
    </div>
  );
}
