import type { StoredItem } from '../../../contract/stored.ts';
import { downloadModel, useDownloads } from '../../../state/model/downloads.ts';
import {
  itemKey,
  type StoredCheck,
  stopVerifying,
  useStored,
  verifyItem,
} from '../../../state/model/stored.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { goTo } from '../../../state/page/navigation.ts';
import { formatBytes, formatDay, formatPercent, formatPlural } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { CheckResult } from './CheckResult.tsx';
import styles from './StoredSection.module.css';

type StoredRowProps = { readonly item: StoredItem; readonly onDelete: () => void };

/** One stored thing: what, how much, whether whole, who needs it; to be checked again or deleted. */
export function StoredRow({ item, onDelete }: StoredRowProps) {
  const { name, kind, complete, source, usedBy, inUse, origin, storedAt } = item;
  const check = useStored((state) => state.checks.get(itemKey(item)) ?? null);
  const loaded = useEngine(
    ({ model }) => kind === 'model' && model?.ref.kind === 'local' && model.ref.id === item.id,
  );
  const downloading = useDownloads((state) => state.items.has(item.id));
  const about = [
    origin === null ? null : `From ${origin}`,
    storedAt === null ? null : `Here since ${formatDay(storedAt)}`,
    usedBy.length === 0 ? null : `Used by ${formatPlural(usedBy.length, 'run')}: ${namesOf(usedBy)}`,
  ].filter((fact) => fact !== null);
  return (
    <li className={styles.item} aria-label={name} data-item={item.id} data-complete={complete}>
      <div className={styles.row}>
        <div className={styles.about}>
          <h3>{name}</h3>
          {about.length === 0 ? null : <p className={styles.facts}>{about.join(' · ')}</p>}
        </div>
        <ItemState item={item} />
        <div className={styles.actions}>
          {complete || source === null || downloading ? null : (
            <Button
              size="small"
              look="primary"
              aria-label={`Continue ${name}`}
              onClick={() => {
                goTo('model');
                void downloadModel(source);
              }}
            >
              Continue
            </Button>
          )}
          {kind === 'leftover' ||
          kind === 'adapter' ||
          kind === 'survey' ||
          !complete ? null : check?.status === 'running' ? (
            <Button size="small" aria-label={`Stop verifying ${name}`} onClick={() => stopVerifying(item)}>
              Stop
            </Button>
          ) : (
            <Button size="small" aria-label={`Verify ${name}`} onClick={() => void verifyItem(item)}>
              Verify
            </Button>
          )}
          <Button
            size="small"
            look="quiet"
            disabled={inUse || downloading}
            title={loaded ? 'It is loaded: load another model first.' : inUse ? 'It is in use.' : undefined}
            aria-label={`Delete ${name}`}
            onClick={onDelete}
          >
            Delete
          </Button>
        </div>
      </div>
      {check === null ? null : <CheckResult check={check} name={name} />}
    </li>
  );
}

function ItemState({ item }: { readonly item: StoredItem }) {
  const { kind, complete, sizeBytes, storedBytes, inUse } = item;
  const verifiedAt = useStored((state) => state.verified[itemKey(item)] ?? null);
  const damaged = useStored((state) => isDamaged(state.checks.get(itemKey(item))));
  const words =
    kind === 'survey'
      ? 'Its images, until it is answered'
      : kind === 'leftover'
        ? 'Not needed'
        : !complete
          ? `${formatPercent(storedBytes / Math.max(1, sizeBytes))} of ${formatBytes(sizeBytes)} is here`
          : damaged
            ? 'Damaged'
            : verifiedAt === null
              ? 'Complete'
              : `Complete, verified ${formatDay(verifiedAt)}`;
  return (
    <div className={styles.state}>
      <p>{formatBytes(storedBytes)}</p>
      <p className={styles.facts} data-part={!complete && kind !== 'leftover'}>
        {words}
        {inUse ? ', in use' : ''}
      </p>
    </div>
  );
}

function isDamaged(check: StoredCheck | undefined): boolean {
  return check?.status === 'done' && !check.verification.ok;
}

function namesOf(runs: StoredItem['usedBy']): string {
  return runs.map((run) => run.name).join(', ');
}
