import { useId, useState } from 'react';
import type { DownloadPlan } from '../../../contract/modelSource.ts';
import { closeDownload, type Download, downloadModel, downloadName } from '../../../state/model/downloads.ts';
import { formatBytes, formatPlural } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import styles from './ModelList.module.css';

type DownloadOfferProps = { readonly id: string; readonly download: Download };

/** What a download brings and under which license; nothing large is fetched before that is accepted. */
export function DownloadOffer({ id, download }: DownloadOfferProps) {
  const [accepted, setAccepted] = useState(false);
  const noteId = useId();
  const { plan, source } = download;
  if (plan === null) return null;
  const missing = plan.sizeBytes - plan.storedBytes;
  const tooLarge = plan.freeBytes !== null && plan.freeBytes < missing;
  return (
    <section className={styles.panel} aria-label={`Download of ${downloadName(download)}`}>
      <div>
        <p>
          <strong>{formatBytes(plan.sizeBytes)}</strong> in {formatPlural(plan.files.length, 'file')} from{' '}
          {plan.place}
          {plan.storedBytes > 0 ? `; ${formatBytes(plan.storedBytes)} of it is here` : ''}.
        </p>
        <p className={tooLarge ? styles.short : styles.place} id={noteId}>
          {describeRoom(plan, tooLarge)}
        </p>
        {plan.notes.map((note) => (
          <p key={note} className={styles.place}>
            {note}
          </p>
        ))}
      </div>
      <LicenseText license={plan.license} />
      <label className={styles.accept}>
        <input
          type="checkbox"
          checked={accepted}
          onChange={(event) => setAccepted(event.currentTarget.checked)}
        />
        {plan.license === null
          ? 'I have checked that I may use this model'
          : `I have read and accept the ${plan.license.name} license`}
      </label>
      <div className={styles.buttons}>
        <Button
          look="primary"
          disabled={!accepted}
          aria-describedby={noteId}
          onClick={() => void downloadModel(source)}
        >
          Download {formatBytes(missing)}
        </Button>
        <Button look="quiet" onClick={() => closeDownload(id)}>
          Not now
        </Button>
      </div>
    </section>
  );
}

function LicenseText({ license }: Pick<DownloadPlan, 'license'>) {
  if (license === null) {
    return (
      <p className={styles.license}>
        This source names no license. The page of the model’s makers says what it may be used for.
      </p>
    );
  }
  return (
    <div className={styles.license}>
      <p>
        <strong>{license.name}</strong>
        {license.url === '' ? null : (
          <>
            {' '}
            <a href={license.url} target="_blank" rel="noreferrer">
              Read the license
            </a>
          </>
        )}
      </p>
      {license.summary === '' ? null : <p>{license.summary}</p>}
    </div>
  );
}

function describeRoom({ freeBytes }: DownloadPlan, tooLarge: boolean): string {
  if (freeBytes === null) return 'The browser does not say how much room there is.';
  const free = `${formatBytes(freeBytes)} free in this browser`;
  return tooLarge ? `Only ${free}: make room on the storage page first.` : `${free}.`;
}
