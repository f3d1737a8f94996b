import { dismissFailure, useEngine } from '../../state/page/engine.ts';
import { dismissAlert, useNotices } from '../../state/page/notices.ts';
import styles from './Alerts.module.css';
import { ErrorCard } from './ErrorCard.tsx';

/** Failures that wait for the user, above the page they concern. */
export function Alerts() {
  const alerts = useNotices((state) => state.alerts);
  const failure = useEngine((state) => state.failure);
  // Without an engine nothing else works, so its failure stays.
  const usable = useEngine((state) => state.status === 'ready');
  return (
    <div role="alert" className={styles.alerts}>
      {failure === null ? null : (
        <ErrorCard report={failure} severity="error" onDismiss={usable ? dismissFailure : undefined} />
      )}
      {alerts.map(({ id, report, severity }) => (
        <ErrorCard key={id} report={report} severity={severity} onDismiss={() => dismissAlert(id)} />
      ))}
    </div>
  );
}
