/** Model folders that the user imported: files in the private file system, one manifest each in IndexedDB. */
import * as v from 'valibot';
import type { ByteSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { copyFiles, type ImportedFile, type ImportOptions } from './importFiles.ts';
import { modelKey } from './keys.ts';
import { deleteValues, writeValues } from './kv.ts';
import { findManifest, listManifests, manifestEntries } from './manifest.ts';
import { chooseModelFiles } from './modelFiles.ts';
import { fileSource, removeTree } from './opfs.ts';
import { checkId } from './paths.ts';

const modelSchema = v.object({
  ...manifestEntries,
  files: v.array(v.object({ path: v.string(), sizeBytes: v.number() })),
  /** Paths of dropped files that were not needed. */
  skipped: v.array(v.string()),
});
export type StoredModel = Readonly<v.InferOutput<typeof modelSchema>>;

/** A stored folder as the model loader reads one. */
export type StoredModelFolder = {
  readonly name: string;
  /** The first of the given paths that exists. @throws StudioError `model-file-missing` */
  open(...paths: readonly string[]): Promise<ByteSource>;
};

/**
 * Copies what a model needs out of a dropped folder. A model with the same identifier is replaced. An import that
 * stops early stays listed as incomplete until it is deleted or done again.
 *
 * @throws StudioError as `chooseModelFiles` and `copyFiles`, or the reason of the signal
 */
export async function importModelFolder(
  id: string,
  files: readonly ImportedFile[],
  options: ImportOptions = {},
): Promise<StoredModel> {
  const { needed, skipped } = chooseModelFiles(files);
  const model: StoredModel = {
    version: 1,
    id: checkId(id),
    name: options.name ?? id,
    files: needed.map(({ path, file }) => ({ path, sizeBytes: file.size })),
    skipped: [...skipped],
    sizeBytes: needed.reduce((sum, { file }) => sum + file.size, 0),
    importedAt: Date.now(),
    complete: false,
  };
  await removeTree(folderOf(id));
  await writeValues([[modelKey(id), model]]);
  await copyFiles(folderOf(id), needed, options);
  const complete = { ...model, complete: true };
  await writeValues([[modelKey(id), complete]]);
  return complete;
}

/** @throws StudioError `model-missing` if it was never imported completely */
export async function openModelFolder(id: string): Promise<StoredModelFolder> {
  const model = await findManifest(modelKey(id), modelSchema);
  if (model === null) {
    throw new StudioError('model-missing', 'This model is not stored in this browser.', {
      remedy: 'Drop the model folder here again.',
      where: id,
    });
  }
  const sizes = new Map(model.files.map(({ path, sizeBytes }) => [path, sizeBytes]));
  return {
    name: model.name,
    open: async (...paths) => {
      const path = paths.find((candidate) => sizes.has(candidate));
      const source = path === undefined ? null : await fileSource(`${folderOf(id)}/${path}`);
      if (source !== null && source.sizeBytes === sizes.get(path as string)) return source;
      throw new StudioError(
        'model-file-missing',
        `The stored model ${model.name} has no ${paths.join(' or ')}.`,
        {
          remedy: 'Delete the model and drop its complete folder again.',
          where: paths[0] ?? id,
        },
      );
    },
  };
}

/** Newest first, incomplete ones too. */
export function listModels(): Promise<StoredModel[]> {
  return listManifests('model:', modelSchema);
}

/** Removes files and manifest; one that is missing is fine. */
export async function deleteModelFolder(id: string): Promise<void> {
  await removeTree(folderOf(id));
  await deleteValues([modelKey(id)]);
}

function folderOf(id: string): string {
  return `models/${checkId(id)}`;
}
