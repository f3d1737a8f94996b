import {
  closeDownload,
  type Download,
  downloadName,
  pauseDownload,
  tryAgain,
} from '../../../state/model/downloads.ts';
import { perSecond, secondsLeft } from '../../../state/model/rate.ts';
import { formatBytes, formatDuration, formatPercent } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { Meter } from '../../primitives/Meter.tsx';
import { ErrorCard } from '../../shell/ErrorCard.tsx';
import styles from './ModelList.module.css';

type DownloadProgressProps = { readonly id: string; readonly download: Download };

/** Bytes, speed and time left of a download; what went wrong with it and how to go on. */
export function DownloadProgress({ id, download }: DownloadProgressProps) {
  const { status, plan, note, failure } = download;
  const name = downloadName(download);
  if (failure !== null) {
    return (
      <div className={styles.panel}>
        <ErrorCard report={failure} severity="error" onDismiss={() => closeDownload(id)} />
        <div className={styles.buttons}>
          <Button look="primary" aria-label={`Try again: ${name}`} onClick={() => void tryAgain(download)}>
            Try again
          </Button>
        </div>
      </div>
    );
  }
  if (status === 'asking') {
    return (
      <div className={styles.panel}>
        <p role="status">Looking up size, files and license.</p>
        <Meter label={`Looking up ${name}`} share={null} />
      </div>
    );
  }
  return (
    <section className={styles.panel} aria-label={`Download of ${name}`} data-download={status}>
      <Numbers download={download} />
      {plan === null && note === null ? null : (
        <p className={styles.place}>{[plan === null ? '' : `From ${plan.place}.`, note].join(' ')}</p>
      )}
      <div className={styles.buttons}>
        <Button
          disabled={status === 'stopping'}
          aria-label={`Pause ${name}`}
          onClick={() => pauseDownload(id)}
        >
          {status === 'stopping' ? 'Pausing' : 'Pause'}
        </Button>
      </div>
    </section>
  );
}

function Numbers({ download }: { readonly download: Download }) {
  const { progress, rate } = download;
  const name = downloadName(download);
  if (progress === null || progress.total === 0) {
    return <Meter label={`Downloading ${name}`} share={null} />;
  }
  const share = Math.min(1, progress.done / progress.total);
  const speed = perSecond(rate);
  const left = secondsLeft(rate, progress.total);
  const words = `${formatBytes(progress.done)} of ${formatBytes(progress.total)}`;
  return (
    <>
      <p className={styles.numbers}>
        <strong>{formatPercent(share)}</strong>
        <span>{words}</span>
        <span>{speed === null ? 'measuring speed' : `${formatBytes(speed)}/s`}</span>
        <span>{left === null ? '' : `${formatDuration(left)} left`}</span>
      </p>
      <Meter label={`Downloading ${name}`} share={share} text={words} />
    </>
  );
}
