import type { ReactNode } from 'react';
import styles from './page.module.css';

type PageHeadProps = { readonly title: string; readonly lead: ReactNode; readonly children?: ReactNode };

/** Title of a page, one or two sentences, and what can be done on it. */
export function PageHead({ title, lead, children }: PageHeadProps) {
  return (
    <div className={styles.head}>
      <div>
        <h1>{title}</h1>
        <p className={styles.lead}>{lead}</p>
      </div>
      {children === undefined ? null : <div className={styles.actions}>{children}</div>}
    </div>
  );
}
