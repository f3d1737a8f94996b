import { useState } from 'react';
import type { StoredItem, StoredList } from '../../../contract/stored.ts';
import { keepStorage, useStored } from '../../../state/model/stored.ts';
import { formatBytes } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import styles from './StorageUse.module.css';

type StorageUseProps = { readonly list: StoredList | null; readonly runBytes: number };

/** How much of the room that the browser grants is taken and by what, and whether it promised to keep it. */
export function StorageUse({ list, runBytes }: StorageUseProps) {
  const storage = useStored((state) => state.storage);
  if (storage === null) return null;
  const { usedBytes, quotaBytes } = storage;
  const parts = [
    { key: 'models', label: 'Models', bytes: sum(list?.models) },
    { key: 'runs', label: 'Runs', bytes: runBytes },
    {
      key: 'others',
      label: 'Adapters, images and the rest',
      bytes: sum(list?.adapters) + sum(list?.images) + sum(list?.surveys) + sum(list?.leftovers),
    },
  ];
  const known = parts.reduce((total, part) => total + part.bytes, 0);
  const whole = Math.max(quotaBytes ?? 0, usedBytes ?? 0, known, 1);
  return (
    <div className={styles.use}>
      <p className={styles.numbers}>
        {usedBytes === null ? (
          'The browser does not say how much is stored.'
        ) : (
          <>
            <strong>{formatBytes(usedBytes)}</strong>{' '}
            {quotaBytes === null ? 'in use' : `of about ${formatBytes(quotaBytes)} that the browser grants`}
          </>
        )}
      </p>
      <div className={styles.bar} aria-hidden="true">
        {parts.map(({ key, bytes }) => (
          <span key={key} data-part={key} style={{ inlineSize: `${(100 * bytes) / whole}%` }} />
        ))}
      </div>
      <ul className={styles.key}>
        {parts.map(({ key, label, bytes }) => (
          <li key={key} data-part={key}>
            {label} <span>{formatBytes(bytes)}</span>
          </li>
        ))}
      </ul>
      <Persistence persisted={storage.persisted} />
    </div>
  );
}

function Persistence({ persisted }: { readonly persisted: boolean | null }) {
  const [declined, setDeclined] = useState(false);
  const ask = async () => setDeclined(!(await keepStorage()));
  if (persisted === true) {
    return (
      <p data-persisted="true">
        <strong>Kept until you delete it.</strong> The browser promised not to clear it when the disk runs
        full.
      </p>
    );
  }
  return (
    <div className={styles.ask} data-persisted={String(persisted)}>
      <p role="status">
        {declined
          ? 'The browser declined. It decides by how often this page is used; installing or bookmarking the page helps, and asking again later costs nothing.'
          : 'The browser may clear all of this without asking when the disk runs full.'}
      </p>
      <Button size="small" onClick={() => void ask()}>
        {declined ? 'Ask again' : 'Ask it to keep everything'}
      </Button>
    </div>
  );
}

function sum(items: readonly StoredItem[] | undefined): number {
  return (items ?? []).reduce((total, item) => total + item.storedBytes, 0);
}
