import type { CompareColumn } from '../../../contract/comparison.ts';
import type { Settings } from '../../../contract/spec.ts';
import { chosenMethod, columnEvaluations, METHODS } from '../../../methods/registry.ts';
import { type ColumnDraft, changeColumn, OWN_ADAPTER, removeColumn } from '../../../state/run/compare.ts';
import { formatPlural } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { Choice, type ChoiceOption } from '../../primitives/Choice.tsx';
import { Disclosure } from '../../primitives/Disclosure.tsx';
import { ControlLabel } from '../../primitives/Labeled.tsx';
import { Range } from '../../primitives/Range.tsx';
import { OptionRows } from '../settings/MethodChoice.tsx';
import styles from './CompareControls.module.css';

const BASE = {
  value: 'base',
  label: 'None: the base model',
  help: 'To see what a way of drawing does alone.',
};
const GUIDANCE = 'guidance';
const DRAWING = [
  { value: GUIDANCE, label: 'Guidance alone' },
  ...METHODS.filter(({ draws }) => draws).map(({ name, title, summary }) => ({
    value: name,
    label: title,
    help: summary,
  })),
];

type CompareColumnSetupProps = {
  readonly column: ColumnDraft;
  readonly place: number;
  readonly adapters: readonly ChoiceOption<string>[];
  readonly sampling: Settings['sampling'];
  /** The only column cannot be removed. */
  readonly alone: boolean;
};

/** One column: which adapter, drawn how, at which cost. */
export function CompareColumnSetup({ column, place, adapters, sampling, alone }: CompareColumnSetupProps) {
  const { key, adapter, drawnBy, strength = 1 } = column;
  const name = `column ${place + 1}`;
  const own = adapters[0]?.value;
  const chosen = adapter === OWN_ADAPTER ? (own ?? BASE.value) : (adapter ?? BASE.value);
  const change = (part: Partial<CompareColumn>): void => changeColumn(key, { ...column, ...part });
  return (
    <li className={styles.column}>
      <div className={styles.columnHead}>
        <h3>{place === 0 ? 'Column 1, what the others are compared with' : `Column ${place + 1}`}</h3>
        {alone ? null : (
          <Button look="quiet" aria-label={`Remove ${name}`} onClick={() => removeColumn(key)}>
            Remove
          </Button>
        )}
      </div>
      <div>
        <ControlLabel>Adapter</ControlLabel>
        <Choice
          label={`Adapter of ${name}`}
          value={chosen}
          options={[...adapters, BASE]}
          onChange={(value) => change({ adapter: value === BASE.value ? null : value })}
        />
      </div>
      <div>
        <ControlLabel>Drawn by</ControlLabel>
        <Choice
          label={`Way of drawing of ${name}`}
          value={drawnBy?.name ?? GUIDANCE}
          options={DRAWING}
          onChange={(value) => changeColumn(key, drawnAs(column, value))}
        />
        <p>{costSentence(column, sampling)}</p>
      </div>
      {chosen === BASE.value ? null : (
        <Range
          label={`Strength of the adapter, ${name}`}
          value={strength}
          min={-1}
          max={2}
          step={0.05}
          valueText={strength.toFixed(2)}
          onChange={(value) => change({ strength: value })}
          onCommit={(value) => change({ strength: value })}
        />
      )}
      {drawnBy === undefined ? null : (
        <Disclosure label={`Options of ${chosenMethod(drawnBy).method.title}`}>
          <OptionRows
            method={chosenMethod(drawnBy).method}
            chosen={drawnBy}
            onChange={(next) => change({ drawnBy: next })}
          />
        </Disclosure>
      )}
    </li>
  );
}

function drawnAs({ drawnBy: _, ...column }: ColumnDraft, name: string): CompareColumn {
  return name === GUIDANCE ? column : { ...column, drawnBy: { name, options: {} } };
}

/** What one image costs. */
function costSentence(column: CompareColumn, sampling: Settings['sampling']): string {
  const words = `${formatPlural(columnEvaluations(column, sampling), 'evaluation')} an image.`;
  return column.drawnBy === undefined ? words : `At most ${words}`;
}
