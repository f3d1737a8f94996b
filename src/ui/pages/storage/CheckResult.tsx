import type { FileCheck } from '../../../contract/stored.ts';
import type { StoredCheck } from '../../../state/model/stored.ts';
import { formatBytes, formatPlural } from '../../format.ts';
import { Icon } from '../../primitives/Icon.tsx';
import { Meter } from '../../primitives/Meter.tsx';
import { ErrorCard } from '../../shell/ErrorCard.tsx';
import styles from './StoredSection.module.css';

/** How a check goes or how it ended, with every file that is not as it should be. */
export function CheckResult({ check, name }: { readonly check: StoredCheck; readonly name: string }) {
  switch (check.status) {
    case 'running': {
      const { progress } = check;
      const share = progress === null || progress.total === 0 ? null : progress.done / progress.total;
      return (
        <div className={styles.check}>
          <p className={styles.facts}>
            Reading it again
            {progress === null ? '' : `, ${formatBytes(progress.done)} of ${formatBytes(progress.total)}`}.
          </p>
          <Meter label={`Verifying ${name}`} share={share} />
        </div>
      );
    }
    case 'failed':
      return <ErrorCard report={check.failure} severity="error" />;
    case 'done': {
      const { ok, files } = check.verification;
      const wrong = files.filter((file) => file.problem !== null);
      return (
        <div className={styles.check} role="status" data-verified={ok}>
          <p className={ok ? styles.good : styles.bad}>
            <Icon name={ok ? 'check' : 'warning'} />{' '}
            {ok
              ? `As it should be: ${describeChecks(files)}.`
              : `${formatPlural(wrong.length, 'file')} of ${files.length} not as it should be. Delete the model and fetch it again, or continue its download.`}
          </p>
          {wrong.length === 0 ? null : (
            <ul className={styles.problems}>
              {wrong.map((file) => (
                <li key={file.path}>
                  <strong>{file.path}</strong> {file.problem}
                </li>
              ))}
            </ul>
          )}
        </div>
      );
    }
    default:
      return check satisfies never;
  }
}

/** `3 files by SHA-256, 2 by structure`. */
function describeChecks(files: readonly FileCheck[]): string {
  const words = { hash: 'by SHA-256', structure: 'by structure', size: 'by size' } as const;
  const parts = (['hash', 'structure', 'size'] as const).flatMap((compared) => {
    const count = files.filter((file) => file.compared === compared).length;
    return count === 0 ? [] : [`${formatPlural(count, 'file')} ${words[compared]}`];
  });
  return parts.join(', ');
}
