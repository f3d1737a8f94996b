import { type LoadedAnswers, renameGroup } from '../../../../state/survey/answers.ts';
import { formatPlural } from '../../../format.ts';
import controls from '../../../primitives/controls.module.css';
import styles from './Analyze.module.css';

/** The groups of people, which can be renamed; two with the same name become one. */
export function GroupNames({ files }: { readonly files: readonly LoadedAnswers[] }) {
  const names = [...new Set(files.map(({ group }) => group))];
  return (
    <section className={styles.groups} aria-label="Groups of people">
      {names.map((name) => (
        <label key={name} className={styles.group}>
          <span className={styles.detail}>
            Group of {formatPlural(files.filter(({ group }) => group === name).length, 'survey')}
          </span>
          <input
            className={controls.textInput}
            defaultValue={name}
            maxLength={40}
            onBlur={(event) => renameGroup(name, event.currentTarget.value)}
            onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
          />
        </label>
      ))}
    </section>
  );
}
