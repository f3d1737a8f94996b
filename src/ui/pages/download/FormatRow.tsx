import { useState } from 'react';
import { EXPORT_TITLES, type ExportName } from '../../../contract/adapterFiles.ts';
import type { AdapterId } from '../../../contract/comparison.ts';
import type { ExportedFile } from '../../../contract/protocol.ts';
import { exportAdapterFile, useAdapters } from '../../../state/adapters/adapters.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { formatBytes } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { Icon } from '../../primitives/Icon.tsx';
import { saveBlob } from '../../saveFile.ts';
import styles from './DownloadPage.module.css';
import { LossSummary } from './LossSummary.tsx';

type FormatWords = { readonly title: string; readonly text: string };

const WORDS: Readonly<Record<ExportName, FormatWords>> = {
  diffusers: {
    title: 'diffusers, PEFT',
    text: 'As the training scripts of diffusers write it, float32; DoRA stays DoRA. diffusers 0.30 or newer.',
  },
  kohya: {
    title: 'A1111, Forge, Invoke, ComfyUI',
    text: 'kohya low-rank, the safe one: exact for LoRA; of a DoRA the largest singular values of its change, and what is lost is shown before you save it.',
  },
  comfyui: {
    title: 'ComfyUI, exact',
    text: 'kohya DoRA with its scales corrected for ComfyUI’s formula: exact at strength 1 and only there. Not for A1111.',
  },
  diff: {
    title: 'Exact difference',
    text: 'Every change in full (.diff): exact at any strength in ComfyUI and A1111, and as large as the layers it changes.',
  },
  merged: {
    title: 'Merged model',
    text: 'The whole model with the adapter in its weights, float16, as a diffusers folder in a zip. It is written to this browser’s storage first; Storage lists it and deletes it.',
  },
};

type FormatRowProps = {
  readonly adapter: AdapterId;
  readonly format: ExportName;
  readonly rank: number;
  readonly half: boolean;
};

/** One format of the adapter; it is made first, so that what is lost is known before it is saved. */
export function FormatRow({ adapter, format, rank, half }: FormatRowProps) {
  const [made, setMade] = useState<ExportedFile | null>(null);
  const [preparing, setPreparing] = useState(false);
  const busy = useAdapters((state) => state.work !== null);
  const working = useRuns((state) => state.activity !== 'idle');
  const { title, text } = WORDS[format];
  const button = EXPORT_TITLES[format];
  const prepare = async () => {
    setPreparing(true);
    setMade(await exportAdapterFile(adapter, format, { rank, half }));
    setPreparing(false);
  };
  return (
    <li className={styles.row}>
      <div>
        <h3>{title}</h3>
        <p className={styles.text}>{text}</p>
        {made === null ? null : (
          <div className={styles.made} role="status">
            <p>
              {made.name}, {formatBytes(made.file.size)}.
            </p>
            {made.note === null ? null : <p className={styles.warn}>{made.note}</p>}
            {format === 'kohya' || made.losses.length > 0 ? <LossSummary losses={made.losses} /> : null}
          </div>
        )}
      </div>
      {made === null ? (
        <Button disabled={busy || working} onClick={() => void prepare()}>
          {preparing ? 'Preparing' : `Prepare ${button}`}
        </Button>
      ) : (
        <Button look="primary" onClick={() => saveBlob(made.name, made.file)}>
          <Icon name="down" />
          {`Save ${button}`}
        </Button>
      )}
    </li>
  );
}
