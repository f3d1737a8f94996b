import type { ReactNode } from 'react';
import styles from './StartPage.module.css';

type ForecastRowProps = { readonly label: string; readonly value: ReactNode; readonly how: ReactNode };

/** What, how much, and how that comes about. */
export function ForecastRow({ label, value, how }: ForecastRowProps) {
  return (
    <div className={styles.row}>
      <dt className={styles.label}>{label}</dt>
      <dd className={styles.value}>{value}</dd>
      <dd className={styles.how}>{how}</dd>
    </div>
  );
}
