import { describeValue } from '../../../contract/field.ts';
import { FIELDS, type GroupName } from '../../../contract/fields.ts';
import { presetSettings } from '../../../contract/presets.ts';
import { type FieldPath, fieldOf, getField, pathsOf } from '../../../contract/settings.ts';
import { setSetting, useSettings } from '../../../state/setup/settings.ts';
import { FieldControl } from './FieldControl.tsx';
import styles from './FieldGroup.module.css';

const PAPER = presetSettings('paper');
const OFFICIAL = presetSettings('official-code');

/** A group of settings, each beside the values of the paper and of the official code. */
export function FieldGroup({ group }: { readonly group: GroupName }) {
  const { title, summary } = FIELDS[group];
  return (
    <section className={styles.group} aria-labelledby={`group-${group}`}>
      <div className={styles.head}>
        <div>
          <h2 id={`group-${group}`}>{title}</h2>
          <p className={styles.summary}>{summary}</p>
        </div>
        <span className={styles.column} aria-hidden="true">
          Paper
        </span>
        <span className={styles.column} aria-hidden="true">
          Official code
        </span>
      </div>
      {pathsOf(group).map((path) => (
        <FieldRow key={path} path={path} />
      ))}
    </section>
  );
}

function FieldRow({ path }: { readonly path: FieldPath }) {
  const field = fieldOf(path);
  const value = useSettings((state) => getField(state.settings, path));
  const paper = getField(PAPER, path);
  const official = getField(OFFICIAL, path);
  const helpId = `help-${path}`;
  return (
    <div className={styles.row}>
      <div>
        <p className={styles.label}>{field.label}</p>
        <p className={styles.help} id={helpId}>
          {field.help}
        </p>
      </div>
      <div className={styles.control}>
        <FieldControl
          field={field}
          value={value}
          describedBy={helpId}
          onChange={(next) => setSetting(path, next)}
        />
      </div>
      <p className={styles.reference} data-same={value === paper}>
        <span className={styles.from}>Paper: </span>
        {describeValue(field, paper)}
      </p>
      <p className={styles.reference} data-same={value === official}>
        <span className={styles.from}>Official code: </span>
        {describeValue(field, official)}
      </p>
    </div>
  );
}
