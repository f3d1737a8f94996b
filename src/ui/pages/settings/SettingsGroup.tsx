import type { ReactNode } from 'react';
import styles from './FieldGroup.module.css';

type SettingsGroupProps = {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  /** Above what stands beside the settings. */
  readonly columns?: readonly string[];
  readonly children: ReactNode;
};

/** Settings that belong together, under their name and what they do. */
export function SettingsGroup({ id, title, summary, columns = [], children }: SettingsGroupProps) {
  return (
    <section className={styles.group} aria-labelledby={`group-${id}`}>
      <div className={styles.head}>
        <div>
          <h2 id={`group-${id}`}>{title}</h2>
          <p className={styles.summary}>{summary}</p>
        </div>
        {columns.map((column) => (
          <span key={column} className={styles.column} aria-hidden="true">
            {column}
          </span>
        ))}
      </div>
      {children}
    </section>
  );
}
