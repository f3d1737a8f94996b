/** What is said about an imported folder in IndexedDB, while its files are in the private file system. */
import * as v from 'valibot';
import { idOf, type StoreKey, type StorePrefix } from './keys.ts';
import { readValue, valuesWithPrefix } from './kv.ts';

export const manifestEntries = {
  version: v.literal(1),
  id: v.string(),
  name: v.string(),
  sizeBytes: v.number(),
  /** Milliseconds since 1970. */
  importedAt: v.number(),
  /** False while files are being copied, and for good when that was interrupted. */
  complete: v.boolean(),
};

/** Those that this version can read, newest first. */
export async function listManifests<M extends { readonly importedAt: number }>(
  prefix: StorePrefix,
  schema: v.GenericSchema<unknown, M>,
): Promise<M[]> {
  const values = await valuesWithPrefix(prefix);
  return [...values.values()]
    .map((value) => parseManifest(schema, value))
    .filter((manifest) => manifest !== null)
    .sort((a, b) => b.importedAt - a.importedAt);
}

/** The manifest of a folder that was imported completely, or null. */
export async function findManifest<M extends { readonly id: string; readonly complete: boolean }>(
  key: StoreKey,
  schema: v.GenericSchema<unknown, M>,
): Promise<M | null> {
  const manifest = parseManifest(schema, await readValue(key));
  return manifest?.complete && manifest.id === idOf(key) ? manifest : null;
}

/** A stored manifest with what older versions did not write filled in; null if it is none. */
export function parseManifest<M>(schema: v.GenericSchema<unknown, M>, value: unknown): M | null {
  const { success, output } = v.safeParse(schema, value);
  return success ? output : null;
}
