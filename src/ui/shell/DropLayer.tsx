import { type DragEvent, type ReactNode, useRef, useState } from 'react';
import { attempt } from '../../state/page/notices.ts';
import { receiveFiles } from '../../state/setup/dropped.ts';
import styles from './App.module.css';
import { collectFiles } from './collectFiles.ts';

/** The whole page takes files and folders; what they are is decided by their names. */
export function DropLayer({ children }: { readonly children: ReactNode }) {
  const depth = useRef(0);
  const [over, setOver] = useState(false);
  const enter = (event: DragEvent) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    depth.current += 1;
    setOver(true);
  };
  const leave = () => {
    depth.current = Math.max(0, depth.current - 1);
    if (depth.current === 0) setOver(false);
  };
  const drop = (event: DragEvent) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    depth.current = 0;
    setOver(false);
    const files = collectFiles(event.dataTransfer);
    void attempt(async () => receiveFiles(await files));
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a shortcut; every file can be chosen by button
    <div
      onDragEnter={enter}
      onDragLeave={leave}
      onDragOver={(event) => event.dataTransfer.types.includes('Files') && event.preventDefault()}
      onDrop={drop}
    >
      {children}
      {over ? (
        <div className={styles.dropLayer} aria-hidden="true">
          <p className={styles.dropWords}>
            Drop a prompt list, run file, adapter, model, image folder, survey pack or answers
          </p>
        </div>
      ) : null}
    </div>
  );
}
