/** Adapter files that the user imported. */
import * as v from 'valibot';
import { adapterBytesKey, adapterKey } from './keys.ts';
import { deleteValues, readValue, valuesWithPrefix, writeValues } from './kv.ts';

const adapterSchema = v.object({
  id: v.string(),
  name: v.string(),
  sizeBytes: v.number(),
  /** Milliseconds since 1970. */
  importedAt: v.number(),
  /** Text of the adapter_config.json that came with it. */
  config: v.optional(v.nullable(v.string()), null),
});
type StoredAdapter = Readonly<v.InferOutput<typeof adapterSchema>>;

/** Keeps the file as it is; an adapter with the same identifier is replaced. */
export async function saveAdapter(adapter: {
  readonly id: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly config?: string | null;
}): Promise<StoredAdapter> {
  const { id, name, bytes, config = null } = adapter;
  const stored: StoredAdapter = { id, name, sizeBytes: bytes.byteLength, importedAt: Date.now(), config };
  await writeValues([
    [adapterKey(id), stored],
    [adapterBytesKey(id), bytes.slice()], // a view would be stored with its whole buffer
  ]);
  return stored;
}

/** Newest first; without reading the files. */
export async function listAdapters(): Promise<StoredAdapter[]> {
  const values = await valuesWithPrefix('adapter:');
  return [...values.values()]
    .filter((value): value is StoredAdapter => v.is(adapterSchema, value))
    .sort((a, b) => b.importedAt - a.importedAt);
}

/** The bytes of the file, or null if there is no such adapter. */
export async function loadAdapter(id: string): Promise<Uint8Array | null> {
  const bytes = await readValue(adapterBytesKey(id));
  return bytes instanceof Uint8Array ? bytes : null;
}

/** What is kept beside the file, or null if there is no such adapter. */
export async function loadAdapterRecord(id: string): Promise<StoredAdapter | null> {
  const parsed = v.safeParse(adapterSchema, await readValue(adapterKey(id)));
  return parsed.success ? parsed.output : null;
}

export async function deleteAdapter(id: string): Promise<void> {
  await deleteValues([adapterKey(id), adapterBytesKey(id)]);
}
