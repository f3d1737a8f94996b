import { sameRef } from '../../../contract/spec.ts';
import { askForModel, downloadModel } from '../../../state/model/downloads.ts';
import { useLoadPlans } from '../../../state/model/loadPlans.ts';
import { requestModel } from '../../../state/model/modelChoice.ts';
import type { ModelRow } from '../../../state/model/modelRows.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { useSettings } from '../../../state/setup/settings.ts';
import { formatBytes, formatPercent } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { DownloadOffer } from './DownloadOffer.tsx';
import { DownloadProgress } from './DownloadProgress.tsx';
import { FailureProfile } from './FailureProfile.tsx';
import { LoadPlanPanel } from './LoadPlanPanel.tsx';
import styles from './ModelList.module.css';
import { PredictionChoice } from './PredictionChoice.tsx';

/** One model: what it is, how much of it is here, and the one thing to do with it. */
export function ModelItem({ row }: { readonly row: ModelRow }) {
  const { name, notes, imageSize, license, stored, download } = row;
  const engine = useEngine((state) => state.status);
  const inUse = useEngine((state) => isRef(row, state.model?.ref ?? null)) && engine === 'ready';
  // The model of the settings has its plan above the list while it waits to be loaded.
  const waiting = useSettings((state) => isRef(row, state.model)) && engine === 'waiting';
  const planned = useLoadPlans((state) => isRef(row, state.ref)) && !inUse && !waiting;
  const facts = [
    imageSize === null ? null : `${imageSize} × ${imageSize} pixels`,
    license === null ? null : `${license.name} license`,
  ].filter((fact) => fact !== null);
  return (
    <li className={styles.item} data-model={row.id} aria-label={name}>
      <div className={styles.row}>
        <div className={styles.about}>
          <h3>{name}</h3>
          {notes === '' ? null : <p className={styles.notes}>{notes}</p>}
          {facts.length === 0 ? null : <p className={styles.facts}>{facts.join(' · ')}</p>}
        </div>
        <p className={styles.state} data-part={stored !== null && !stored.complete}>
          {inUse ? <strong>In use</strong> : describeState(row)}
        </p>
        <div className={styles.actions}>{inUse || planned || waiting ? null : <MainAction row={row} />}</div>
      </div>
      {download === null ? null : download.status === 'asked' ? (
        <DownloadOffer id={row.id} download={download} />
      ) : (
        <DownloadProgress id={row.id} download={download} />
      )}
      {row.ref?.kind === 'local' && stored?.prediction != null ? (
        <PredictionChoice id={row.id} name={name} prediction={stored.prediction} />
      ) : null}
      <FailureProfile id={row.id} />
      {planned ? <LoadPlanPanel loads /> : null}
    </li>
  );
}

function MainAction({ row }: { readonly row: ModelRow }) {
  const { name, ref, source, stored, download } = row;
  const busy = useRuns((state) => state.activity !== 'idle');
  const loading = useEngine((state) => state.status === 'loading' || state.status === 'opening');
  if (download !== null) return null;
  if (ref !== null) {
    return (
      <Button
        disabled={busy || loading}
        aria-label={`Use ${name}`}
        title={busy ? 'The model cannot be changed while a run works.' : undefined}
        onClick={() => void requestModel(ref, row.sizeBytes)}
      >
        Use
      </Button>
    );
  }
  if (source === null) return null;
  // One that was begun has been accepted before.
  return stored === null ? (
    <Button aria-label={`Get ${name}`} onClick={() => void askForModel(source)}>
      Get
    </Button>
  ) : (
    <Button look="primary" aria-label={`Continue ${name}`} onClick={() => void downloadModel(source)}>
      Continue
    </Button>
  );
}

function describeState({ ref, sizeBytes, stored }: ModelRow): string {
  if (stored === null) {
    if (ref !== null) return 'Comes with this page';
    return sizeBytes === null ? '' : `About ${formatBytes(sizeBytes)}`;
  }
  const size = formatBytes(stored.sizeBytes);
  if (stored.complete) return `${size}, in this browser`;
  return `${formatPercent(stored.storedBytes / Math.max(1, stored.sizeBytes))} of ${size} is here`;
}

function isRef(row: ModelRow, ref: ModelRow['ref']): boolean {
  return row.ref !== null && ref !== null && sameRef(row.ref, ref);
}
