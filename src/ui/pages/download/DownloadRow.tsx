import { useState } from 'react';
import type { NamedBytes } from '../../../contract/runTypes.ts';
import { attempt } from '../../../state/page/notices.ts';
import { type ExportName, exportFile } from '../../../state/run/exports.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { Button } from '../../primitives/Button.tsx';
import { Icon } from '../../primitives/Icon.tsx';
import { saveFile } from '../../saveFile.ts';
import styles from './DownloadPage.module.css';

type DownloadRowProps = {
  /** What the engine is asked for, or what makes the file without it. */
  readonly what: ExportName | (() => Promise<NamedBytes>);
  readonly title: string;
  readonly file: string;
  readonly text: string;
  /** Why it cannot be had yet. */
  readonly missing: string | null;
};

/** One file: what it is, its button, and why it is missing where it is. */
export function DownloadRow({ what, title, file, text, missing }: DownloadRowProps) {
  const [busy, setBusy] = useState(false);
  const open = useRuns((state) => state.open);
  const round = useRuns((state) => state.round);
  const download = async () => {
    if (open === null) return;
    setBusy(true);
    const made = await attempt(() =>
      typeof what === 'function'
        ? what()
        : exportFile(what, { runId: open.summary.id, round, version: open.version }),
    );
    setBusy(false);
    if (made !== null) saveFile(made);
  };
  return (
    <li className={styles.row}>
      <div>
        <h2>
          {title} <span className={styles.file}>{file}</span>
        </h2>
        <p className={styles.text}>{missing ?? text}</p>
      </div>
      <Button disabled={missing !== null || busy} onClick={() => void download()}>
        <Icon name="down" />
        {busy ? 'Preparing' : `Download ${title.toLowerCase()}`}
      </Button>
    </li>
  );
}
