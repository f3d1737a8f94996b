/** Folders of captioned images that the user imported, for training on real images. */
import * as v from 'valibot';
import type { CaptionedImage } from '../formats/imageFolder.ts';
import { StudioError } from '../lib/errors.ts';
import { pairCaptions } from './captions.ts';
import { type ImportedFile, type ImportOptions, importFolder } from './importFiles.ts';
import { imagesKey } from './keys.ts';
import { deleteValues } from './kv.ts';
import { findManifest, listManifests, manifestEntries } from './manifest.ts';
import { openFile, removeTree } from './opfs.ts';
import { checkId } from './paths.ts';

const folderSchema = v.object({
  ...manifestEntries,
  images: v.array(v.object({ fileName: v.string(), text: v.string() })),
  warnings: v.array(v.string()),
});
type StoredImageFolder = Readonly<v.InferOutput<typeof folderSchema>>;

type ImageImport = {
  readonly id: string;
  readonly name: string;
  /** Number of usable images. */
  readonly images: number;
  readonly warnings: readonly string[];
};

/**
 * Copies the captioned images of a dropped folder. A folder with the same identifier is replaced.
 * @throws StudioError as `pairCaptions` and `importFolder`
 */
export async function importImageFolder(
  id: string,
  files: readonly ImportedFile[],
  options: ImportOptions = {},
): Promise<ImageImport> {
  const { images, files: needed, warnings } = await pairCaptions(files);
  const folder: StoredImageFolder = {
    version: 1,
    id: checkId(id),
    name: options.name ?? id,
    images: [...images],
    warnings: [...warnings],
    sizeBytes: needed.reduce((sum, { file }) => sum + file.size, 0),
    importedAt: Date.now(),
    complete: false,
  };
  await importFolder({ key: imagesKey(id), folder: folderOf(id), manifest: folder, files: needed }, options);
  return { id, name: folder.name, images: images.length, warnings };
}

/** In the order of the folder's metadata. @throws StudioError `images-missing` */
export async function listImages(id: string): Promise<readonly CaptionedImage[]> {
  const folder = await findManifest(imagesKey(id), folderSchema);
  if (folder === null) throw missing('This image folder is not stored in this browser.', id);
  return folder.images;
}

/** The encoded image, as it was imported. @throws StudioError `images-missing` */
export async function openImage(id: string, fileName: string): Promise<Blob> {
  const path = `${folderOf(id)}/${fileName}`;
  const file = await openFile(path);
  if (file === null) throw missing(`The image ${fileName} is not stored in this browser.`, path);
  return file;
}

/** Newest first, incomplete ones too. */
export function listImageFolders(): Promise<StoredImageFolder[]> {
  return listManifests('images:', folderSchema);
}

/** Removes files and manifest; one that is missing is fine. */
export async function deleteImageFolder(id: string): Promise<void> {
  await removeTree(folderOf(id));
  await deleteValues([imagesKey(id)]);
}

function folderOf(id: string): string {
  return `images/${checkId(id)}`;
}

function missing(message: string, where: string): StudioError {
  return new StudioError('images-missing', message, { remedy: 'Drop the folder of images again.', where });
}
