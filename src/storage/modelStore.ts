/** Models in the private file system, dropped or downloaded, with one manifest each in IndexedDB. */
import { openLdmCheckpoint } from '../formats/ldmCheckpoint.ts';
import { type ByteSource, blobSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { type ImportedFile, type ImportOptions, importFolder } from './importFiles.ts';
import { modelKey } from './keys.ts';
import { deleteValues, writeValues } from './kv.ts';
import { modelLock, whileHeld } from './locks.ts';
import { findManifest, listManifests } from './manifest.ts';
import { CHECKPOINT_PATH, chooseModelFiles, pathsOfSame } from './modelFiles.ts';
import { modelSchema, type StoredModel } from './modelManifest.ts';
import { fileSource, removeTree } from './opfs.ts';
import { checkId } from './paths.ts';

/** What is not known of a file that was dropped. */
export const UNKNOWN = { sha256: null, version: null, validator: null } as const;

/** A stored folder as the model loader reads one. */
type StoredModelFolder = {
  readonly name: string;
  /** The first of the given paths that exists. @throws StudioError `model-file-missing` */
  open(...paths: readonly string[]): Promise<ByteSource>;
};

export type ModelImportOptions = ImportOptions & {
  /** What a single-file checkpoint predicts, where the user knows. */
  readonly prediction?: StoredModel['prediction'];
  /** Puts a tokenizer into the folder of a checkpoint that came without one; returns what it added. */
  readonly addTokenizer?: (
    folder: string,
    files: StoredModel['files'],
  ) => Promise<readonly StoredModel['files'][number][]>;
};

/**
 * Copies what a model needs out of a dropped folder, or a single-file checkpoint. A model with the same identifier is
 * replaced.
 * @throws StudioError as `chooseModelFiles`, `openLdmCheckpoint` and `importFolder`
 */
export async function importModelFolder(
  id: string,
  files: readonly ImportedFile[],
  options: ModelImportOptions = {},
): Promise<StoredModel> {
  const { layout, needed, skipped } = chooseModelFiles(files);
  const checkpoint = needed.find(({ path }) => path === CHECKPOINT_PATH);
  const name = options.name ?? id;
  // Before gigabytes are copied: is it one that can be read?
  const read =
    checkpoint === undefined
      ? null
      : await openLdmCheckpoint(blobSource(checkpoint.file, name), {
          name,
          prediction: options.prediction ?? null,
        });
  const model: StoredModel = {
    version: 1,
    id: checkId(id),
    name,
    files: needed.map(({ path, file }) => ({ path, sizeBytes: file.size, ...UNKNOWN })),
    skipped: [...skipped],
    sizeBytes: needed.reduce((sum, { file }) => sum + file.size, 0),
    importedAt: Date.now(),
    complete: false,
    layout,
    prediction: read?.prediction ?? null,
    predictionGuessed: read?.predictionGuessed ?? false,
    source: null,
    place: null,
    license: null,
  };
  const place = { key: modelKey(id), folder: modelFolder(id) };
  // What may be missing altogether comes before the gigabytes.
  const first = async (): Promise<Partial<StoredModel>> => {
    const added =
      layout === 'checkpoint' ? ((await options.addTokenizer?.(place.folder, model.files)) ?? []) : [];
    return {
      files: [...model.files, ...added],
      sizeBytes: added.reduce((sum, file) => sum + (file.sizeBytes ?? 0), model.sizeBytes),
    };
  };
  return withModelLock(id, () => importFolder({ ...place, manifest: model, files: needed, first }, options));
}

/** @throws StudioError `model-missing` if it was never stored completely, or as `openLdmCheckpoint` */
export async function openModelFolder(id: string): Promise<StoredModelFolder> {
  const model = await findManifest(modelKey(id), modelSchema);
  if (model === null) throw missingModel(id);
  const sizes = new Map(model.files.map(({ path, sizeBytes }) => [path, sizeBytes]));
  const stored = async (path: string): Promise<ByteSource | null> => {
    const source = await fileSource(`${modelFolder(id)}/${path}`);
    return source !== null && source.sizeBytes === sizes.get(path) ? source : null;
  };
  const seen =
    model.layout === 'checkpoint' ? await seenAsFolder(model, await stored(CHECKPOINT_PATH)) : null;
  return {
    name: model.name,
    open: async (...paths) => {
      const candidates = paths.flatMap(pathsOfSame);
      const view = candidates.map((path) => seen?.get(path)).find((source) => source !== undefined);
      if (view !== undefined) return view;
      const path = candidates.find((candidate) => sizes.has(candidate));
      const source = path === undefined ? null : await stored(path);
      if (source === null) throw missingFile(model, paths);
      return source;
    },
  };
}

async function seenAsFolder(
  model: StoredModel,
  checkpoint: ByteSource | null,
): Promise<ReadonlyMap<string, ByteSource>> {
  if (checkpoint === null) throw missingFile(model, [CHECKPOINT_PATH]);
  const { name, prediction } = model;
  return (await openLdmCheckpoint(checkpoint, { name, prediction })).files;
}

/** Corrects what a stored checkpoint predicts. @throws StudioError `model-missing` for what is no stored checkpoint */
export async function setPrediction(
  id: string,
  prediction: NonNullable<StoredModel['prediction']>,
): Promise<StoredModel> {
  const model = await findManifest(modelKey(id), modelSchema);
  if (model?.layout !== 'checkpoint') throw missingModel(id);
  const changed: StoredModel = { ...model, prediction, predictionGuessed: false };
  await writeValues([[modelKey(id), changed]]);
  return changed;
}

/** Newest first, incomplete ones too. */
export function listModels(): Promise<StoredModel[]> {
  return listManifests('model:', modelSchema);
}

/** Removes files and manifest; one that is missing is fine. */
export async function deleteModelFolder(id: string): Promise<void> {
  await removeTree(modelFolder(id));
  await deleteValues([modelKey(id)]);
}

export function modelFolder(id: string): string {
  return `models/${checkId(id)}`;
}

/** Runs work that changes a model's files, unless another does. @throws StudioError `storage-in-use` */
export async function withModelLock<T>(id: string, work: () => Promise<T>): Promise<T> {
  const held = await whileHeld(modelLock(id), work);
  if (held !== null) return held.value;
  throw new StudioError('storage-in-use', 'This model is being downloaded, copied or deleted already.', {
    remedy: 'Wait until that is done, or close the other tab of this page.',
    where: id,
  });
}

function missingModel(id: string): StudioError {
  return new StudioError('model-missing', 'This model is not stored in this browser.', {
    remedy: 'Drop the model here again, or download it.',
    where: id,
  });
}

function missingFile({ id, name }: StoredModel, paths: readonly string[]): StudioError {
  return new StudioError('model-file-missing', `The stored model ${name} has no ${paths.join(' or ')}.`, {
    remedy: 'Delete the model, then drop it here again or download it.',
    where: paths[0] ?? id,
  });
}
