import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useRef, useState } from 'react';
import type { OpenRun } from '../../state/run/runs.ts';
import styles from './ContactSheet.module.css';
import { SheetRow } from './SheetRow.tsx';
import { moveBetweenFrames } from './sheetKeys.ts';

type ContactSheetProps = {
  readonly run: OpenRun;
  /** Prompt indices in the order of the rows. */
  readonly rows: readonly number[];
  readonly mode: 'watch' | 'select';
  readonly locked?: boolean;
  readonly showMetrics: boolean;
  readonly label: string;
};

const FRAME_PX = 70;
const MAX_FRAME_PX = 144;
const GAP_PX = 12;
const PADDING_PX = 32;
const ROW_HEAD_PX = 88;
const OVERSCAN_ROWS = 3;

/** All candidates by prompt. Only the rows in view exist, so a list of thousands scrolls as easily as one of ten. */
export function ContactSheet({ run, rows, mode, locked = false, showMetrics, label }: ContactSheetProps) {
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [top, setTop] = useState(0);
  const expected = run.spec.selection.candidates;
  const fitting = Math.max(3, Math.floor((width - PADDING_PX + GAP_PX) / (FRAME_PX + GAP_PX)));
  const columns = Math.min(fitting, Math.max(expected, 3));
  const frame = Math.min(MAX_FRAME_PX, (width - PADDING_PX - (columns - 1) * GAP_PX) / columns);

  useLayoutEffect(() => {
    const element = host.current;
    if (element === null) return;
    const measure = () => {
      setWidth(element.clientWidth);
      setTop(element.getBoundingClientRect().top + window.scrollY);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);

  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => frame + ROW_HEAD_PX,
    overscan: OVERSCAN_ROWS,
    scrollMargin: top,
    getItemKey: (index) => rows[index] ?? index,
  });

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset has a layout of its own
    <div ref={host} className={styles.sheet} onKeyDown={moveBetweenFrames} role="group" aria-label={label}>
      <div className={styles.space} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const prompt = rows[item.index] ?? 0;
          return (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              className={styles.item}
              style={{ transform: `translateY(${item.start - top}px)` }}
            >
              <SheetRow
                runId={run.summary.id}
                prompt={prompt}
                text={run.spec.prompts[prompt] ?? ''}
                heldOut={run.heldOut.includes(prompt)}
                expected={expected}
                columns={columns}
                mode={mode}
                locked={locked}
                showMetrics={showMetrics}
              />
            </div>
          );
        })}
      </div>
    </div>
  );
}
