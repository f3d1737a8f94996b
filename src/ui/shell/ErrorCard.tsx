import type { ErrorReport } from '../../lib/errors.ts';
import { Button } from '../primitives/Button.tsx';
import { Icon } from '../primitives/Icon.tsx';
import { withoutFolderName } from '../words.ts';
import styles from './ErrorCard.module.css';

type ErrorCardProps = {
  readonly report: ErrorReport;
  readonly severity: 'error' | 'warning';
  readonly onDismiss?: (() => void) | undefined;
};

/** What happened, what to do about it, where, and the code to search for. */
export function ErrorCard({ report, severity, onDismiss }: ErrorCardProps) {
  return (
    <div className={styles.card} data-severity={severity} data-code={report.code}>
      <span className={styles.icon}>
        <Icon name="warning" />
      </span>
      <div className={styles.text}>
        <p className={styles.message}>{report.message}</p>
        <p>{report.remedy}</p>
        <p className={styles.code}>
          {report.code}
          {report.where === undefined ? null : <span> at {withoutFolderName(report.where)}</span>}
        </p>
      </div>
      {onDismiss === undefined ? null : (
        <Button look="quiet" size="small" aria-label={`Dismiss: ${report.message}`} onClick={onDismiss}>
          <Icon name="close" />
        </Button>
      )}
    </div>
  );
}
