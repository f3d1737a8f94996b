/** The models the user can choose from: known ones, stored ones, and those that are being asked for, each once. */

import type { License, ModelSource } from '../../contract/modelSource.ts';
import type { ModelRef } from '../../contract/spec.ts';
import type { StoredItem, StoredList } from '../../contract/stored.ts';
import { sourceId } from '../../sources/address.ts';
import { CATALOG } from '../../sources/catalog.ts';
import { type Download, downloadName } from './downloads.ts';

export type ModelRow = {
  /** Identifier of the stored model, or that it will have. */
  readonly id: string;
  readonly name: string;
  readonly notes: string;
  readonly imageSize: number | null;
  /** Bytes, about; null where nothing is known yet. */
  readonly sizeBytes: number | null;
  readonly license: License | null;
  /** Where it can be fetched from; null for what was dropped or comes with the page. */
  readonly source: ModelSource | null;
  readonly stored: StoredItem | null;
  readonly download: Download | null;
  /** To load it with; null while it is not whole. */
  readonly ref: ModelRef | null;
};

/** Known models in their order, then the others, newest first. */
export function modelRows(
  list: StoredList | null,
  downloads: ReadonlyMap<string, Download>,
): readonly ModelRow[] {
  const stored = new Map(list?.models.map((item) => [item.id, item]));
  const known = CATALOG.map((entry): ModelRow => {
    const { name, notes, imageSize, license, base } = entry;
    const row = { name, notes, imageSize, license };
    if (base !== null) {
      const ref = { kind: 'url', base } as const;
      return { ...row, id: entry.id, sizeBytes: null, source: null, stored: null, download: null, ref };
    }
    const source = { kind: 'catalog', id: entry.id } as const;
    const id = sourceId(source);
    const item = stored.get(id) ?? null;
    const download = downloads.get(id) ?? null;
    const sizeBytes = item?.sizeBytes ?? download?.plan?.sizeBytes ?? entry.sizeBytes;
    return { ...row, id, sizeBytes, source, stored: item, download, ref: refOf(item) };
  });
  const taken = new Set(known.map((row) => row.id));
  const others = (list?.models ?? [])
    // Networks of metrics draw nothing; they have a place of their own.
    .filter((item) => !taken.has(item.id) && item.source?.kind !== 'metric')
    .map((item): ModelRow => otherRow(item, downloads.get(item.id) ?? null));
  for (const row of others) taken.add(row.id);
  const asked = [...downloads]
    .filter(([id, { source }]) => !taken.has(id) && source.kind !== 'metric')
    .map(
      ([id, download]): ModelRow => ({
        id,
        name: downloadName(download),
        notes: '',
        imageSize: null,
        sizeBytes: download.plan?.sizeBytes ?? null,
        license: download.plan?.license ?? null,
        source: download.source,
        stored: null,
        download,
        ref: null,
      }),
    );
  return [...known, ...asked.toReversed(), ...others];
}

/** The name a model goes by on the page; what a folder calls itself may differ. */
export function modelName(ref: ModelRef, list: StoredList | null): string | null {
  const builtIn = CATALOG.find(({ base }) => ref.kind === 'url' && base === ref.base);
  if (builtIn !== undefined) return builtIn.name;
  if (ref.kind === 'url') return null;
  const known = CATALOG.find((entry) => sourceId({ kind: 'catalog', id: entry.id }) === ref.id);
  return known?.name ?? list?.models.find((item) => item.id === ref.id)?.name ?? null;
}

function otherRow(item: StoredItem, download: Download | null): ModelRow {
  return {
    id: item.id,
    name: item.name,
    notes: item.origin === null ? 'Taken from files on this computer.' : `From ${item.origin}.`,
    imageSize: null,
    sizeBytes: item.sizeBytes,
    license: item.license,
    source: item.source,
    stored: item,
    download,
    ref: refOf(item),
  };
}

function refOf(item: StoredItem | null): ModelRef | null {
  return item?.complete ? { kind: 'local', id: item.id } : null;
}
