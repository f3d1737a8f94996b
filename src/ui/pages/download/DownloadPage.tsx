import { useEngine } from '../../../state/page/engine.ts';
import { runFile } from '../../../state/run/exports.ts';
import { useGallery } from '../../../state/run/gallery.ts';
import { isPast, useRuns } from '../../../state/run/runs.ts';
import { countPicks } from '../../../state/run/selection.ts';
import { useTraining } from '../../../state/run/training.ts';
import { saveFile } from '../../saveFile.ts';
import { NoRun } from '../NoRun.tsx';
import { PageHead } from '../PageHead.tsx';
import { VersionChoice } from '../VersionChoice.tsx';
import styles from './DownloadPage.module.css';
import { DownloadRow } from './DownloadRow.tsx';
import { Snippet } from './Snippet.tsx';

export function DownloadPage() {
  const run = useRuns((state) => state.open);
  const trained = useTraining((state) => state.checkpoint !== null || state.validation.length > 0);
  const finished = useRuns((state) => isPast(state.stage, 'train'));
  const loaded = useEngine((state) => state.model);
  const picks = useGallery((state) => countPicks(state.picks));
  if (run === null) return <NoRun title="Download" />;
  const { adapter } = run.spec;
  const hasAdapter = trained || finished;
  const kind = adapter.kind === 'dora' ? 'DoRA' : 'LoRA';
  return (
    <>
      <PageHead
        title="Download"
        lead="Everything here was made in this browser. Take it with you: browsers may clear the storage of a page."
      >
        <VersionChoice />
      </PageHead>
      <ul className={styles.list}>
        <DownloadRow
          what="adapter"
          title="Adapter"
          file="pytorch_lora_weights.safetensors"
          text={`${kind}, rank ${adapter.rank}, the best checkpoint by validation, with its settings. Loads in diffusers and PEFT.`}
          missing={hasAdapter ? null : 'Available after the first checkpoint of training.'}
        />
        <DownloadRow
          what="lastAdapter"
          title="Last adapter"
          file="the last step instead of the best"
          text="To go on training elsewhere, or where held-out prompts were too few to trust their choice."
          missing={hasAdapter ? null : 'Available after the first checkpoint of training.'}
        />
        <DownloadRow
          what="set"
          title="Set"
          file=".zip"
          text="The selected images as PNG with their settings inside, and metadata.jsonl: opens as a Hugging Face ImageFolder."
          missing={picks > 0 ? null : 'Available once images are selected.'}
        />
        <DownloadRow
          what="report"
          title="Report"
          file="report.json"
          text="Settings, versions, GPU, every score and trace, every training step, the evaluation and timings."
          missing={null}
        />
        <DownloadRow
          what="scores"
          title="Scores"
          file="scores.csv"
          text="One line per candidate, for a spreadsheet."
          missing={picks > 0 ? null : 'Available once images are scored.'}
        />
        <DownloadRow
          what={() => saveFile(runFile(run.spec, __APP_VERSION__, loaded))}
          title="Run file"
          file="run.json"
          text="Settings, seed and prompts, with the version of this page and what the model is. Dropped on this page it starts the run again: to the same bits on the same version, model, backend and GPU."
          missing={null}
        />
      </ul>
      {hasAdapter ? <Snippet run={run} /> : null}
    </>
  );
}
