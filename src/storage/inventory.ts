/** Everything that is stored beside runs: how large it is, who needs it, and how to be rid of it. */

import * as v from 'valibot';
import type { StoredItem, StoredKind, StoredList } from '../contract/stored.ts';
import { StudioError } from '../lib/errors.ts';
import { sourceOrigin } from '../sources/address.ts';
import { deleteAdapter, listAdapters, loadAdapter } from './adapterStore.ts';
import { BROWSER } from './browser.ts';
import { COMPARISONS_FOLDER } from './comparisons.ts';
import { EXPORTS_FOLDER } from './exportFiles.ts';
import { deleteImageFolder, listImageFolders } from './imageStore.ts';
import { adapterKey } from './keys.ts';
import * as kv from './kv.ts';
import { heldLocks, modelLock, runLock } from './locks.ts';
import type { StoredModel } from './modelManifest.ts';
import { deleteModelFolder, listModels, modelFolder, withModelLock } from './modelStore.ts';
import { listFolders, removeTree, sizeOf } from './opfs.ts';
import { listRunRecords, loadRunSpec } from './runs.ts';
import { forgetSurvey, listSurveys } from './surveyProgress.ts';

/** Top folders of the private file system that are this page's; others may belong to neighbors on the same site. */
const FOLDERS = { models: 'model', images: 'images', runs: 'run' } as const;

type Use = { readonly id: string; readonly name: string; readonly working: boolean };
/** Runs by what they need: `model:<id>`, `images:<id>`. */
type Uses = ReadonlyMap<string, readonly Use[]>;

/** @param loaded identifier of the model that the engine has loaded, which is in use too */
export async function listStored({ loaded }: { readonly loaded: string | null }): Promise<StoredList> {
  const locks = await heldLocks();
  const uses = await findUses(locks);
  const usesOf = (kind: StoredKind, id: string) => {
    const found = uses.get(`${kind}:${id}`) ?? [];
    return {
      usedBy: found.map(({ id: runId, name }) => ({ id: runId, name })),
      inUse: found.some(({ working }) => working),
    };
  };
  const models = await listModels();
  const adapters = await listAdapters();
  const images = await listImageFolders();
  return {
    models: await Promise.all(
      models.map(async (model) => {
        const use = usesOf('model', model.id);
        const inUse = use.inUse || locks.has(modelLock(model.id)) || loaded === model.id;
        return { ...(await describeModel(model)), ...use, inUse };
      }),
    ),
    adapters: adapters.map(({ id, name, sizeBytes, importedAt }) => ({
      ...PLAIN,
      ...usesOf('adapter', id),
      kind: 'adapter',
      id,
      name,
      sizeBytes,
      storedBytes: sizeBytes,
      complete: true,
      storedAt: importedAt,
    })),
    images: await Promise.all(
      images.map(async ({ id, name, sizeBytes, importedAt, complete }) => ({
        ...PLAIN,
        ...usesOf('images', id),
        kind: 'images' as const,
        id,
        name,
        sizeBytes,
        storedBytes: await sizeOf(`images/${id}`),
        complete,
        storedAt: importedAt,
      })),
    ),
    surveys: (await listSurveys()).map(({ id, manifest, sizeBytes, done, rounds }) => ({
      ...PLAIN,
      kind: 'survey' as const,
      id,
      name: `${titleOf(manifest)}, ${done} of ${rounds} rounds`,
      sizeBytes,
      storedBytes: sizeBytes,
      complete: true,
      storedAt: null,
      usedBy: [],
      inUse: false,
    })),
    leftovers: await listLeftovers(),
  };
}

/** The title in a survey's manifest, which was checked when it was opened. */
function titleOf(manifest: string | null): string {
  const found = v.safeParse(v.object({ title: v.string() }), manifest === null ? null : JSON.parse(manifest));
  return found.success ? found.output.title : 'A survey of another version';
}

/** As listed, without who uses it. */
export async function describeModel(model: StoredModel): Promise<StoredItem> {
  const { id, name, sizeBytes, importedAt, complete, source, place, license, layout, prediction } = model;
  return {
    ...PLAIN,
    kind: 'model',
    id,
    name,
    sizeBytes,
    storedBytes: await sizeOf(modelFolder(id)),
    complete,
    origin: place ?? (source === null ? null : sourceOrigin(source)),
    source,
    license,
    prediction:
      layout === 'checkpoint' && prediction !== null
        ? { value: prediction, guessed: model.predictionGuessed }
        : null,
    storedAt: importedAt,
    usedBy: [],
    inUse: false,
  };
}
const PLAIN = { origin: null, source: null, license: null, prediction: null } as const;

/**
 * Deletes one thing with all its files.
 * @returns bytes that were there
 * @throws StudioError `storage-in-use` while a run or a download works with it, `stored-missing` for what is not listed
 */
export async function deleteStored(
  kind: StoredKind,
  id: string,
  context: { readonly loaded: string | null },
): Promise<number> {
  const item = await findStored(kind, id, context);
  switch (kind) {
    case 'model':
      // The lock also tells of downloads that began since the list was made.
      if (item.inUse) throw inUse(item, context.loaded === id);
      await withModelLock(id, () => deleteModelFolder(id));
      break;
    case 'images':
      if (item.inUse) throw inUse(item, false);
      await deleteImageFolder(id);
      break;
    case 'adapter':
      await deleteAdapter(id);
      break;
    case 'survey':
      await forgetSurvey(id);
      break;
    case 'leftover':
      if (item.inUse) throw inUse(item, false);
      await removeLeftover(id);
      break;
    default:
      kind satisfies never;
  }
  return item.storedBytes;
}

/** @throws StudioError `stored-missing` */
async function findStored(
  kind: StoredKind,
  id: string,
  context: { readonly loaded: string | null },
): Promise<StoredItem> {
  const { models, adapters, images, surveys, leftovers } = await listStored(context);
  const item = { model: models, adapter: adapters, images, survey: surveys, leftover: leftovers }[kind].find(
    (i) => i.id === id,
  );
  if (item !== undefined) return item;
  throw new StudioError('stored-missing', 'This is no longer stored in this browser.', {
    remedy: 'Reload the list; another tab may have deleted it.',
    where: id,
  });
}

/** What the settings of the runs name. A run that cannot be read needs nothing: it can only be deleted. */
async function findUses(locks: ReadonlySet<string>): Promise<Uses> {
  const uses = new Map<string, Use[]>();
  const { runs } = await listRunRecords(BROWSER);
  for (const { id, name } of runs) {
    const spec = await loadRunSpec(kv, id);
    if (spec === null) continue;
    const use = { id, name, working: locks.has(runLock(id)) };
    const keys: string[] = [];
    if (spec.model.kind === 'local') keys.push(`model:${spec.model.id}`);
    if (spec.realImages !== null) keys.push(`images:${spec.realImages.folder}`);
    for (const key of keys) uses.set(key, [...(uses.get(key) ?? []), use]);
  }
  return uses;
}

/**
 * Folders without a record, and adapters' bytes without one: what was being written when the page ended, exports, and
 * comparisons that belong to no run.
 */
async function listLeftovers(): Promise<StoredItem[]> {
  const locks = await heldLocks();
  const leftovers: StoredItem[] = [];
  const add = (id: string, storedBytes: number, busy = false): void => {
    leftovers.push({
      ...PLAIN,
      kind: 'leftover',
      id,
      name: id,
      sizeBytes: storedBytes,
      storedBytes,
      complete: false,
      storedAt: null,
      usedBy: [],
      inUse: busy,
    });
  };
  for (const [folder, prefix] of Object.entries(FOLDERS)) {
    const known = new Set((await kv.valuesWithPrefix(`${prefix}:`)).keys());
    for (const name of await listFolders(folder)) {
      if (known.has(`${prefix}:${name}`)) continue;
      const busy = locks.has(`mi-tune-${prefix}-${name}`);
      add(`${folder}/${name}`, await sizeOf(`${folder}/${name}`), busy);
    }
  }
  for (const folder of [EXPORTS_FOLDER, COMPARISONS_FOLDER]) {
    for (const name of await listFolders(folder)) {
      add(`${folder}/${name}`, await sizeOf(`${folder}/${name}`));
    }
  }
  const adapters = new Set((await kv.valuesWithPrefix('adapter:')).keys());
  for (const [key, bytes] of await kv.valuesWithPrefix('adapter-bytes:')) {
    const id = key.slice('adapter-bytes:'.length);
    if (!adapters.has(adapterKey(id))) add(`adapters/${id}`, bytes instanceof Uint8Array ? bytes.length : 0);
  }
  return leftovers;
}

/** `id` has been found in the list: it is one of the folders above, or the bytes of an adapter. */
async function removeLeftover(id: string): Promise<void> {
  const [folder = '', name = ''] = id.split('/');
  if (folder === 'adapters') await deleteAdapter(name);
  else await removeTree(id);
}

/** The bytes of a stored adapter. @throws StudioError `stored-missing` */
export async function adapterBytes(id: string): Promise<Uint8Array> {
  const bytes = await loadAdapter(id);
  if (bytes !== null) return bytes;
  throw new StudioError('stored-missing', 'This adapter is no longer stored in this browser.', {
    remedy: 'Import it again.',
    where: id,
  });
}

function inUse({ name, usedBy }: StoredItem, loaded: boolean): StudioError {
  const who = usedBy.map((run) => run.name).join(', ');
  const why = loaded ? 'it is loaded' : who === '' ? 'it is being changed' : `a run works with it (${who})`;
  return new StudioError('storage-in-use', `${name} cannot be deleted now: ${why}.`, {
    remedy: loaded ? 'Load another model first.' : 'Pause the run or the download, here or in the other tab.',
    where: name,
  });
}
