import { useMemo } from 'react';
import type { FieldValue } from '../../../contract/field.ts';
import type { MethodChoice as Chosen } from '../../../contract/spec.ts';
import type { Method } from '../../../methods/method.ts';
import { chosenMethod, METHODS } from '../../../methods/registry.ts';
import { promptTexts, usePrompts } from '../../../state/setup/prompts.ts';
import { patchDraft, useSettings } from '../../../state/setup/settings.ts';
import { formatPlural } from '../../format.ts';
import { Choice } from '../../primitives/Choice.tsx';
import { Disclosure } from '../../primitives/Disclosure.tsx';
import { FieldControl } from './FieldControl.tsx';
import styles from './FieldGroup.module.css';
import { ReadingEditor } from './ReadingEditor.tsx';
import { SettingsGroup } from './SettingsGroup.tsx';

const GUIDANCE = 'guidance';
const ALL = METHODS.map(({ name, title }) => ({ value: name, label: title }));
const DRAWING = [
  { value: GUIDANCE, label: 'Guidance alone' },
  ...METHODS.filter(({ draws }) => draws).map(({ name, title }) => ({ value: name, label: title })),
];

/** What the run does, and how its images are drawn. */
export function MethodChoice() {
  const { method: asked, drawnBy, readings } = useSettings();
  const list = usePrompts((state) => state.list);
  const prompts = useMemo(() => promptTexts(list), [list]);
  const { method } = chosenMethod(asked ?? undefined);
  const drawing = method.draws || drawnBy === null ? method : chosenMethod(drawnBy).method;
  const reads = drawing.needs.reading;
  return (
    <SettingsGroup
      id="method"
      title="Method"
      summary="What is done with the images that are drawn, or how they are drawn."
    >
      <div className={styles.row}>
        <div>
          <p className={styles.label}>{method.title}</p>
          <p className={styles.help}>{method.summary}</p>
          {method.experimental === null ? null : (
            <p className={styles.help}>Experimental: {method.experimental}</p>
          )}
        </div>
        <Choice
          label="Method"
          value={method.name}
          options={ALL}
          onChange={(name) => patchDraft({ method: { name, options: {} } })}
        />
      </div>
      <OptionRows method={method} chosen={asked} onChange={(next) => patchDraft({ method: next })} />
      {method.draws ? null : (
        <div className={styles.row}>
          <div>
            <p className={styles.label}>Drawn by</p>
            <p className={styles.help}>
              {drawnBy === null
                ? 'Classifier-free guidance, as the paper draws.'
                : chosenMethod(drawnBy).method.summary}
            </p>
          </div>
          <Choice
            label="Drawn by"
            value={drawnBy?.name ?? GUIDANCE}
            options={DRAWING}
            onChange={(name) => patchDraft({ drawnBy: name === GUIDANCE ? null : { name, options: {} } })}
          />
        </div>
      )}
      {method.draws || drawnBy === null ? null : (
        <OptionRows
          method={chosenMethod(drawnBy).method}
          chosen={drawnBy}
          onChange={(next) => patchDraft({ drawnBy: next })}
        />
      )}
      {reads ? (
        <Disclosure label="What the prompts speak of">
          <ReadingEditor
            prompts={prompts}
            edited={readings}
            onEdit={(edited) => patchDraft({ readings: edited })}
          />
        </Disclosure>
      ) : null}
      <Facts method={method} />
    </SettingsGroup>
  );
}

type OptionRowsProps = {
  readonly method: Method;
  readonly chosen: Chosen | null;
  readonly onChange: (next: Chosen) => void;
};

/** The method's own options, a row each. */
export function OptionRows({ method, chosen, onChange }: OptionRowsProps) {
  const options = chosen?.options ?? {};
  return method.options.map((option) => {
    const helpId = `help-${method.name}-${option.key}`;
    const set = (value: FieldValue) =>
      onChange({ name: method.name, options: { ...options, [option.key]: value } });
    return (
      <div key={option.key} className={styles.row}>
        <div>
          <p className={styles.label}>{option.label}</p>
          <p className={styles.help} id={helpId}>
            {option.help} The default’s source: {option.origin}.
          </p>
        </div>
        <div className={styles.control}>
          <FieldControl
            field={option}
            value={options[option.key] ?? option.default}
            describedBy={helpId}
            onChange={set}
          />
        </div>
      </div>
    );
  });
}

/** Source, license, differences and cost of the method. */
function Facts({ method }: { readonly method: Method }) {
  const settings = useSettings((state) => state.settings);
  const chosen = useSettings((state) => state.method);
  const { options } = chosenMethod(chosen ?? undefined);
  const { perImage, perUpdate } = method.cost(settings, options);
  const { paper, code, license } = method.source;
  return (
    <Disclosure label="Source, differences and cost">
      <p className={styles.help}>Source: {paper}.</p>
      <p className={styles.help}>
        {code === null ? 'There is no code of the authors to compare with.' : `Code compared with: ${code}`}
        {code === null
          ? ''
          : license === null
            ? '; it has no license file and was read for facts.'
            : `; ${license}.`}
      </p>
      {method.differences.map((difference) => (
        <p key={difference} className={styles.help}>
          {difference}
        </p>
      ))}
      <p className={styles.help}>
        At these settings {method.draws ? 'at most ' : ''}
        {formatPlural(perImage, 'network evaluation')} for an image
        {perUpdate === 0
          ? '; nothing is trained.'
          : ` and ${formatPlural(perUpdate, 'evaluation')} for a training step.`}
      </p>
    </Disclosure>
  );
}
