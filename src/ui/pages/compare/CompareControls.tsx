import { presetSettings } from '../../../contract/presets.ts';
import type { Settings } from '../../../contract/spec.ts';
import { GUIDED_EVALUATIONS } from '../../../methods/method.ts';
import { chosenMethod, METHODS } from '../../../methods/registry.ts';
import { attempt } from '../../../state/page/notices.ts';
import { comparePairs, stopComparing, typedPrompts, useCompare } from '../../../state/run/compare.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { takeAdapterFiles } from '../../../state/setup/dropped.ts';
import { formatPlural } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { Choice } from '../../primitives/Choice.tsx';
import controls from '../../primitives/controls.module.css';
import { FilePicker } from '../../primitives/FilePicker.tsx';
import { Meter } from '../../primitives/Meter.tsx';
import { NumberInput } from '../../primitives/NumberInput.tsx';
import { Range } from '../../primitives/Range.tsx';
import { useAdapterOptions } from '../adapters/useAdapterOptions.ts';
import styles from './CompareControls.module.css';

const MAX_HELD_OUT_SHOWN = 8;

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

/** What one image costs on either side. */
function costSentence(drawnBy: string | null, sampling: Settings['sampling']): string {
  // Pairs are drawn with DDPM, whose steps are its evaluations.
  const settings = { ...presetSettings('demo'), sampling: { ...sampling, scheduler: 'ddpm' } } as const;
  const plain = settings.sampling.steps * GUIDED_EVALUATIONS;
  if (drawnBy === null) return `${formatPlural(plain, 'evaluation')} an image on both sides.`;
  const { method, options } = chosenMethod({ name: drawnBy, options: {} });
  return `${formatPlural(plain, 'evaluation')} an image without it, at most ${method.cost(settings, options).perImage} with it.`;
}

/** Which adapter, which prompts, which seeds. */
export function CompareControls() {
  const { adapter, drawnBy, strength, typed, seedsPerPrompt, firstSeed, progress, busy } = useCompare();
  const set = useCompare.setState;
  const run = useRuns((state) => state.open);
  const working = useRuns((state) => state.activity !== 'idle');
  const adapters = useAdapterOptions();
  const chosen =
    [...adapters, BASE].find((a) => a.value === adapter)?.value ?? adapters[0]?.value ?? BASE.value;
  const ofBase = chosen === BASE.value;
  const heldOutTexts = new Set((run?.heldOut ?? []).flatMap((i) => run?.spec.prompts[i] ?? []));
  const heldOut = [...heldOutTexts].slice(0, MAX_HELD_OUT_SHOWN);
  const ofUser = typedPrompts(typed);
  const prompts = ofUser.length > 0 ? ofUser : heldOut;
  const sampling = run?.spec.sampling ?? presetSettings('demo').sampling;
  const ready = !(ofBase && drawnBy === null) && prompts.length > 0 && !working;
  return (
    <div className={styles.controls}>
      <div className={styles.prompts}>
        <label htmlFor="compare-prompts">Prompts, one a line</label>
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
        <div>
          <span className={styles.label}>Adapter</span>
          <Choice
            label="Adapter"
            value={chosen}
            options={[...adapters, BASE]}
            onChange={(value) => set({ adapter: value })}
          />
          {adapters.length === 0 ? <p>None yet: train one, or load a .safetensors file.</p> : null}
        </div>
        <div>
          <span className={styles.label}>Drawn by</span>
          <Choice
            label="Drawn by"
            value={drawnBy ?? GUIDANCE}
            options={DRAWING}
            onChange={(value) => set({ drawnBy: value === GUIDANCE ? null : value })}
          />
          <p>{costSentence(drawnBy, sampling)}</p>
        </div>
        <div className={styles.strength}>
          <Range
            label="Strength of the adapter"
            value={strength}
            min={-1}
            max={2}
            step={0.05}
            disabled={busy}
            valueText={strength.toFixed(2)}
            onChange={(value) => set({ strength: value })}
            onCommit={(value) => set({ strength: value })}
          />
        </div>
        <div>
          <span className={styles.label}>Images per prompt</span>
          <NumberInput
            label="Images per prompt"
            value={seedsPerPrompt}
            min={1}
            max={32}
            step={1}
            onChange={(n) => n !== null && set({ seedsPerPrompt: Math.round(n) })}
          />
        </div>
        <div>
          <span className={styles.label}>First seed</span>
          <NumberInput
            label="First seed"
            value={firstSeed}
            min={0}
            max={Number.MAX_SAFE_INTEGER}
            step={1}
            onChange={(n) => n !== null && set({ firstSeed: Math.round(n) })}
          />
        </div>
        <div className={styles.actions}>
          {busy ? (
            <Button onClick={stopComparing}>Stop</Button>
          ) : (
            <Button
              look="primary"
              disabled={!ready}
              onClick={() => void comparePairs(ofBase ? null : chosen, prompts, sampling)}
            >
              Draw pairs
            </Button>
          )}
          <FilePicker
            label="Adapter file"
            text="Load adapter"
            accept=".safetensors,.json"
            multiple
            disabled={working || busy}
            onFiles={(files) =>
              void attempt(async () => {
                const report = await takeAdapterFiles(files);
                if (report !== null) set({ adapter: report.id });
              })
            }
          />
        </div>
        {busy ? (
          <Meter
            label="Drawing pairs"
            share={progress === null || progress.total === 0 ? null : progress.done / progress.total}
          />
        ) : null}
      </div>
    </div>
  );
}
