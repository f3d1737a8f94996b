import { chosenMethod } from '../../../methods/registry.ts';
import { exportRunFile } from '../../../state/run/exports.ts';
import { picksOf, useGallery } from '../../../state/run/gallery.ts';
import { isPast, useRuns } from '../../../state/run/runs.ts';
import { countPicks } from '../../../state/run/selection.ts';
import { bestOf, useTraining } from '../../../state/run/training.ts';
import { WorkMeter } from '../adapters/WorkMeter.tsx';
import { NoRun } from '../NoRun.tsx';
import { PageHead } from '../PageHead.tsx';
import { VersionChoice } from '../VersionChoice.tsx';
import styles from './DownloadPage.module.css';
import { DownloadRow } from './DownloadRow.tsx';
import { FormatList } from './FormatList.tsx';
import { Snippet } from './Snippet.tsx';

/** All that a run has made, each with what it is for or why it is not there yet. */
export function DownloadPage() {
  const run = useRuns((state) => state.open);
  const trained = useTraining((state) => state.checkpoint !== null || state.validation.length > 0);
  const untrained = useTraining(({ validation }) => {
    const last = validation.at(-1)?.round;
    return last !== undefined && bestOf(validation, last)?.step === 0;
  });
  const finished = useRuns((state) => isPast(state.stage, 'train'));
  const picks = useGallery((state) => countPicks(picksOf(state)));
  if (run === null) return <NoRun title="Download" />;
  const { adapter, training } = run.spec;
  const { stages } = chosenMethod(run.spec.method).method;
  const hasAdapter = stages.includes('train') && (trained || finished);
  const noAdapter = hasAdapter
    ? null
    : stages.includes('train')
      ? 'Available after the first checkpoint of training.'
      : 'The method of this run trains nothing.';
  const noSet = stages.includes('select')
    ? 'Available once images are selected.'
    : 'The method of this run selects nothing.';
  const file = `pytorch_lora_weights${untrained ? '.untrained-step-0' : ''}.safetensors`;
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
          file={file}
          text={
            untrained
              ? `${kind}, rank ${adapter.rank}, of step 0: no checkpoint was better than the start, so it is untrained, and its file name says so. The trained one is the last adapter.`
              : `${kind}, rank ${adapter.rank}, the ${training.keepLast ? 'last checkpoint' : 'best checkpoint by validation'}, with its settings. Loads in diffusers and PEFT.`
          }
          missing={noAdapter}
        />
        <DownloadRow
          what="lastAdapter"
          title="Last adapter"
          file="the last step instead of the best"
          text="To continue training elsewhere, or where held-out prompts were too few to trust their choice."
          missing={noAdapter}
        />
        <DownloadRow
          what="set"
          title="Set"
          file=".zip"
          text="The selected images as PNG with their settings inside, and metadata.jsonl: opens as a Hugging Face ImageFolder."
          missing={stages.includes('select') && picks > 0 ? null : noSet}
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
          what={() => exportRunFile(run.spec, run.summary.id, __APP_VERSION__)}
          title="Run file"
          file="run.json"
          text="Settings, seed and prompts, with the version of this page and the hashes of the model’s files. Dropped on this page it starts the run again: to the same bits on the same version, model, backend and GPU."
          missing={null}
        />
      </ul>
      {hasAdapter ? (
        <section className={styles.formats} aria-labelledby="formats-title">
          <h2 id="formats-title">The adapter in other formats</h2>
          <p className={styles.text}>Tests of this page check what each program makes of them.</p>
          <WorkMeter />
          <FormatList adapter={`run:${run.summary.id}:${run.version}`} />
        </section>
      ) : null}
      {hasAdapter ? <Snippet run={run} file={file} /> : null}
    </>
  );
}
