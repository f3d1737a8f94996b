import type { CompareColumn } from '../../../contract/comparison.ts';
import { presetSettings } from '../../../contract/presets.ts';
import { attempt } from '../../../state/page/notices.ts';
import {
  addColumn,
  changeColumn,
  drawComparison,
  MAX_COLUMNS,
  OWN_ADAPTER,
  stopComparing,
  typedPrompts,
  useCompare,
} from '../../../state/run/compare.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { takeAdapterFiles } from '../../../state/setup/dropped.ts';
import { useSettings } from '../../../state/setup/settings.ts';
import { formatPlural } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import controls from '../../primitives/controls.module.css';
import { FilePicker } from '../../primitives/FilePicker.tsx';
import { LabeledCount } from '../../primitives/Labeled.tsx';
import { Meter } from '../../primitives/Meter.tsx';
import { useAdapterOptions } from '../adapters/useAdapterOptions.ts';
import { CompareColumnSetup } from './CompareColumnSetup.tsx';
import styles from './CompareControls.module.css';

const MAX_HELD_OUT_SHOWN = 8;

/** Which columns, which prompts, which seeds. */
export function CompareControls() {
  const { columns, typed, seedsPerPrompt, firstSeed, progress, busy } = useCompare();
  const set = useCompare.setState;
  const run = useRuns((state) => state.open);
  const working = useRuns((state) => state.activity !== 'idle');
  const drafted = useSettings((state) => state.readings);
  const adapters = useAdapterOptions();
  const heldOutTexts = new Set((run?.heldOut ?? []).flatMap((i) => run?.spec.prompts[i] ?? []));
  const heldOut = [...heldOutTexts].slice(0, MAX_HELD_OUT_SHOWN);
  const ofUser = typedPrompts(typed);
  const prompts = ofUser.length > 0 ? ofUser : heldOut;
  const sampling = run?.spec.sampling ?? presetSettings('demo').sampling;
  const own = adapters[0]?.value ?? null;
  const resolved = columns.map(({ key: _, ...column }): CompareColumn => {
    const adapter = column.adapter === OWN_ADAPTER ? own : column.adapter;
    return { ...column, adapter };
  });
  const images = columns.length * prompts.length * seedsPerPrompt;
  const ready = columns.length > 0 && prompts.length > 0 && !working;
  const draw = (): void => {
    const keepWith =
      run === null ? null : { runId: run.summary.id, round: run.summary.round, version: run.version };
    const settings = { ...sampling, readings: { ...drafted, ...run?.spec.readings } };
    void drawComparison(resolved, prompts, settings, keepWith);
  };
  return (
    <div className={styles.controls}>
      <ol className={styles.columns} aria-label="Columns">
        {columns.map((column, place) => (
          <CompareColumnSetup
            key={column.key}
            column={column}
            place={place}
            adapters={adapters}
            sampling={sampling}
            alone={columns.length === 1}
          />
        ))}
      </ol>
      <div className={styles.actions}>
        <Button disabled={busy || columns.length >= MAX_COLUMNS} onClick={addColumn}>
          Add a column
        </Button>
        <FilePicker
          label="Adapter file"
          text="Load adapter"
          accept=".safetensors,.json"
          multiple
          disabled={working || busy}
          onFiles={(files) =>
            void attempt(async () => {
              const report = await takeAdapterFiles(files);
              const last = columns.at(-1);
              if (report !== null && last !== undefined)
                changeColumn(last.key, { ...last, adapter: report.id });
            })
          }
        />
      </div>
      <div className={styles.prompts}>
        <label className={controls.label} htmlFor="compare-prompts">
          Prompts, one a line
        </label>
        <textarea
          id="compare-prompts"
          className={controls.textInput}
          rows={4}
          placeholder={
            heldOut.length === 0
              ? 'a red circle above a blue square'
              : `Left empty: ${formatPlural(heldOut.length, 'held-out prompt')}`
          }
          value={typed}
          onChange={(event) => set({ typed: event.currentTarget.value })}
        />
      </div>
      <div className={styles.numbers}>
        <LabeledCount
          label="Images per prompt"
          value={seedsPerPrompt}
          min={1}
          max={32}
          onChange={(n) => set({ seedsPerPrompt: n })}
        />
        <LabeledCount
          label="First seed"
          value={firstSeed}
          min={0}
          max={Number.MAX_SAFE_INTEGER}
          onChange={(n) => set({ firstSeed: n })}
        />
        <div className={styles.actions}>
          {busy ? (
            <Button onClick={stopComparing}>Stop</Button>
          ) : (
            <Button look="primary" disabled={!ready} onClick={draw}>
              {ready ? `Draw ${formatPlural(images, 'image')}` : 'Draw'}
            </Button>
          )}
        </div>
        {busy ? (
          <Meter
            label="Drawing images"
            share={progress === null || progress.total === 0 ? null : progress.done / progress.total}
          />
        ) : null}
      </div>
    </div>
  );
}
