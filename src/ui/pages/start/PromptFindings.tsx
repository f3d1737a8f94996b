import type { PromptList } from '../../../formats/promptList.ts';
import type { ErrorReport } from '../../../lib/errors.ts';
import { formatPlural } from '../../format.ts';
import { ErrorCard } from '../../shell/ErrorCard.tsx';
import styles from './PromptEditor.module.css';

const SHOWN = 4;

type FindingsProps = { readonly list: PromptList | null; readonly failure: ErrorReport | null };

/** What was found in the list, with line numbers. */
export function PromptFindings({ list, failure }: FindingsProps) {
  if (failure !== null)
    return (
      <div className={styles.failure}>
        <ErrorCard report={failure} severity="error" />
      </div>
    );
  if (list === null) return null;
  const repeats = list.duplicates.map(({ text, lines }) => `Lines ${lines.join(', ')} repeat “${text}”.`);
  const findings = [...list.warnings, ...repeats];
  if (findings.length === 0) return null;
  return (
    <ul className={styles.findings}>
      {findings.slice(0, SHOWN).map((finding) => (
        <li key={finding}>{finding}</li>
      ))}
      {findings.length > SHOWN ? <li>And {formatPlural(findings.length - SHOWN, 'more remark')}.</li> : null}
    </ul>
  );
}
