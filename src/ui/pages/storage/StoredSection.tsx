import { useId, useState } from 'react';
import type { StoredItem } from '../../../contract/stored.ts';
import { deleteItem } from '../../../state/model/stored.ts';
import { formatBytes } from '../../format.ts';
import { Confirm } from '../../primitives/Confirm.tsx';
import page from '../page.module.css';
import { StoredRow } from './StoredRow.tsx';
import styles from './StoredSection.module.css';

type StoredSectionProps = {
  readonly title: string;
  /** Null until they are known. */
  readonly items: readonly StoredItem[] | null;
  readonly empty: string;
};

/** Stored items of one kind, each to be checked or deleted. */
export function StoredSection({ title, items, empty }: StoredSectionProps) {
  const id = useId();
  const [leaving, setLeaving] = useState<StoredItem | null>(null);
  return (
    <section className={page.section} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {items === null ? (
        <p className={page.muted}>Reading.</p>
      ) : items.length === 0 ? (
        <p className={page.muted}>{empty}</p>
      ) : (
        <ul className={styles.list}>
          {items.map((item) => (
            <StoredRow key={item.id} item={item} onDelete={() => setLeaving(item)} />
          ))}
        </ul>
      )}
      <Confirm
        open={leaving !== null}
        title={`Delete ${leaving?.name ?? ''}?`}
        text={leaving === null ? '' : consequence(leaving)}
        action={`Delete ${formatBytes(leaving?.storedBytes ?? 0)}`}
        onConfirm={() => leaving !== null && void deleteItem(leaving)}
        onClose={() => setLeaving(null)}
      />
    </section>
  );
}

/** What is lost with it. */
function consequence({ usedBy, source, kind }: StoredItem): string {
  const again = source !== null ? 'It can be downloaded again.' : 'It can only come back from your files.';
  const names = usedBy.map((run) => run.name).join(', ');
  const runs = usedBy.length === 0 ? '' : ` These runs cannot continue without it: ${names}.`;
  if (kind === 'survey')
    return 'What was answered is lost with its images, unless the answers were saved or sent.';
  return kind === 'leftover' ? 'Nothing needs it any more.' : `${again}${runs}`;
}
