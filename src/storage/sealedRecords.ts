/** Records under checksums: a value that is not what was written is known to be damaged. */
import { checksum } from '../formats/sealed.ts';
import type { Records, StoreEntry } from './backing.ts';

/** What is read in place of a value that is not as it was written. */
export const DAMAGED = Symbol('damaged');

type Sealed = { readonly crc: number; readonly value: unknown };

/** Seals what is written and opens what is read. Values that an older version stored without a seal are taken as they are. */
export function sealedRecords(raw: Records): Records {
  const sealAll = (entries: readonly StoreEntry[]): StoreEntry[] =>
    entries.map(([key, value]) => [key, seal(value)]);
  return {
    readValue: async (key) => open(await raw.readValue(key)),
    valuesWithPrefix: async (prefix) => {
      const values = await raw.valuesWithPrefix(prefix);
      return new Map([...values].map(([key, value]) => [key, open(value)]));
    },
    writeValues: (entries) => raw.writeValues(sealAll(entries)),
    updateValue: (key, update, also = []) =>
      raw.updateValue(key, (old) => seal(update(open(old))), sealAll(also)),
    extendLast: (prefix, extend) =>
      raw.extendLast(prefix, (last) =>
        sealAll(extend(last === undefined ? undefined : { key: last.key, value: open(last.value) })),
      ),
    rewriteAll: (prefix, change) => raw.rewriteAll(prefix, (values) => sealAll(change(values.map(open)))),
    deleteValues: raw.deleteValues,
  };
}

function seal(value: unknown): Sealed {
  return { crc: checksum(value), value };
}

function open(stored: unknown): unknown {
  if (!isSealed(stored)) return stored;
  return checksum(stored.value) === stored.crc ? stored.value : DAMAGED;
}

function isSealed(stored: unknown): stored is Sealed {
  return typeof stored === 'object' && stored !== null && 'crc' in stored && 'value' in stored;
}
