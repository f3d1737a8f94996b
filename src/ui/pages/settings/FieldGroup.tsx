import { describeValue } from '../../../contract/field.ts';
import { FIELDS, type GroupName } from '../../../contract/fields.ts';
import { presetSettings } from '../../../contract/presets.ts';
import { type FieldPath, fieldOf, getField, pathsOf } from '../../../contract/settings.ts';
import { setSetting, useSettings } from '../../../state/setup/settings.ts';
import { FieldControl } from './FieldControl.tsx';
import styles from './FieldGroup.module.css';
import { SettingsGroup } from './SettingsGroup.tsx';

const PAPER = presetSettings('paper');
const OFFICIAL = presetSettings('official-code');

/** A group of settings, each beside the values of the paper and of the official code. */
export function FieldGroup({ group }: { readonly group: GroupName }) {
  const { title, summary } = FIELDS[group];
  return (
    <SettingsGroup id={group} title={title} summary={summary} columns={['Paper', 'Official code']}>
      {pathsOf(group).map((path) => (
        <FieldRow key={path} path={path} />
      ))}
    </SettingsGroup>
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
