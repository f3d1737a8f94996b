import { useState } from 'react';
import { LOW_RANK } from '../../../contract/adapterFiles.ts';
import { merge, useAdapters } from '../../../state/adapters/adapters.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { Button } from '../../primitives/Button.tsx';
import { Choice, type ChoiceOption } from '../../primitives/Choice.tsx';
import { ControlLabel, LabeledCount, LabeledText } from '../../primitives/Labeled.tsx';
import { NumberInput } from '../../primitives/NumberInput.tsx';
import { LossSummary } from '../download/LossSummary.tsx';
import page from '../page.module.css';
import styles from './Adapters.module.css';

type Part = { readonly adapter: string | null; readonly weight: number };

/** Two adapters as one: the weighted sum of what they change. */
export function MergeForm({ options }: { readonly options: readonly ChoiceOption<string>[] }) {
  const [first, setFirst] = useState<Part>({ adapter: null, weight: 1 });
  const [second, setSecond] = useState<Part>({ adapter: null, weight: 1 });
  const [rank, setRank] = useState(LOW_RANK);
  const [name, setName] = useState('merged.safetensors');
  const busy = useAdapters((state) => state.work !== null);
  const losses = useAdapters((state) => state.mergeLosses);
  const working = useRuns((state) => state.activity !== 'idle');
  const one = options.find((option) => option.value === first.adapter)?.value ?? options[0]?.value;
  const two = options.find((option) => option.value === second.adapter)?.value ?? options[1]?.value;
  const ready =
    one !== undefined && two !== undefined && one !== two && name.trim() !== '' && !busy && !working;
  return (
    <section className={page.section} aria-labelledby="merge-title">
      <h2 id="merge-title">Merge two</h2>
      <p className={styles.explain}>
        The weighted sum of both changes, as a LoRA of the given rank. Exact for two LoRAs whose ranks add up
        to no more; else the largest singular values are kept, and the page says what is lost.
      </p>
      <div className={styles.merge}>
        <MergePartFields
          title="First"
          value={one ?? null}
          part={first}
          options={options}
          onChange={setFirst}
        />
        <MergePartFields
          title="Second"
          value={two ?? null}
          part={second}
          options={options}
          onChange={setSecond}
        />
        <div className={styles.field}>
          <LabeledText id="merge-name" label="Name" value={name} maxLength={100} onChange={setName} />
        </div>
        <div className={styles.field}>
          <LabeledCount
            label="Rank"
            name="Rank of the merged adapter"
            value={rank}
            min={1}
            max={1024}
            onChange={setRank}
          />
        </div>
      </div>
      <Button
        disabled={!ready}
        onClick={() =>
          one !== undefined &&
          two !== undefined &&
          void merge(
            [
              { adapter: one, weight: first.weight },
              { adapter: two, weight: second.weight },
            ],
            rank,
            name.trim(),
          )
        }
      >
        Merge
      </Button>
      {losses === null ? null : <LossSummary losses={losses} />}
    </section>
  );
}

type MergePartFieldsProps = {
  readonly title: string;
  readonly value: string | null;
  readonly part: Part;
  readonly options: readonly ChoiceOption<string>[];
  readonly onChange: (part: Part) => void;
};

function MergePartFields({ title, value, part, options, onChange }: MergePartFieldsProps) {
  return (
    <>
      <div className={styles.field}>
        <ControlLabel>{title} adapter</ControlLabel>
        <Choice
          label={`${title} adapter`}
          value={value}
          options={options}
          onChange={(adapter) => onChange({ ...part, adapter })}
        />
      </div>
      <div className={styles.field}>
        <ControlLabel>Its weight</ControlLabel>
        <NumberInput
          label={`Weight of the ${title.toLowerCase()} adapter`}
          value={part.weight}
          min={-4}
          max={4}
          step={0.1}
          onChange={(weight) => weight !== null && onChange({ ...part, weight })}
        />
      </div>
    </>
  );
}
