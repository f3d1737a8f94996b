import { Component, type ReactNode, useState } from 'react';
import { useEngine } from '../../state/page/engine.ts';
import { useNotices } from '../../state/page/notices.ts';
import { type ExportName, exportFile } from '../../state/run/exports.ts';
import { useRuns } from '../../state/run/runs.ts';
import { Button } from '../primitives/Button.tsx';
import { saveFile } from '../saveFile.ts';
import styles from './ErrorCard.module.css';

const FILES: readonly { readonly what: ExportName; readonly text: string }[] = [
  { what: 'report', text: 'Download report' },
  { what: 'adapter', text: 'Download adapter' },
  { what: 'set', text: 'Download set' },
];

/** The page of last resort. The engine runs apart from the page and usually still answers. */
export function Salvage({ error }: { readonly error: unknown }) {
  const [note, setNote] = useState('');
  const [withPrompts, setWithPrompts] = useState(false);
  const runId = useRuns((state) => state.open?.summary.id ?? null);
  const save = async (what: ExportName) => {
    const { open, round } = useRuns.getState();
    if (open === null) return;
    try {
      saveFile(await exportFile(what, { runId: open.summary.id, round, version: open.version }));
    } catch (failure) {
      setNote(failure instanceof Error ? failure.message : String(failure));
    }
  };
  const copy = async () => {
    await navigator.clipboard.writeText(describeFailure(error, withPrompts));
    setNote('Report copied.');
  };
  return (
    <main className={styles.page}>
      <h1>Something went wrong on this page</h1>
      <p>
        Your runs are stored in this browser: images, scores and checkpoints are kept. Reload to continue, or
        take files of the open run with you first.
      </p>
      <pre className={styles.fault}>{error instanceof Error ? error.message : String(error)}</pre>
      <div className={styles.row}>
        <Button look="primary" onClick={() => location.reload()}>
          Reload
        </Button>
        {runId === null
          ? null
          : FILES.map(({ what, text }) => (
              <Button key={what} onClick={() => void save(what)}>
                {text}
              </Button>
            ))}
        <Button onClick={() => void copy()}>Copy error report</Button>
      </div>
      <label className={styles.check}>
        <input
          type="checkbox"
          checked={withPrompts}
          onChange={(event) => setWithPrompts(event.currentTarget.checked)}
        />
        Include my prompts in the error report
      </label>
      <p role="status">{note}</p>
    </main>
  );
}

function describeFailure(error: unknown, withPrompts: boolean): string {
  const { backend, model } = useEngine.getState();
  const { open, stage, warnings } = useRuns.getState();
  const spec = open?.spec ?? null;
  const report = {
    app: __APP_VERSION__,
    browser: navigator.userAgent,
    backend,
    model: model?.name ?? null,
    stage,
    spec:
      spec === null || withPrompts ? spec : { ...spec, prompts: `${spec.prompts.length} prompts left out` },
    alerts: useNotices.getState().alerts.map((alert) => alert.report),
    warnings,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
  return JSON.stringify(report, null, 2);
}

type Props = { readonly children: ReactNode };

/** Shows a way out, with the user's data, when the page itself fails. */
export class ErrorBoundary extends Component<Props, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    return this.state.error === null ? this.props.children : <Salvage error={this.state.error} />;
  }
}
