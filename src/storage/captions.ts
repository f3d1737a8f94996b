/** Which images of a dropped folder can be used, by its `metadata.jsonl`. */
import { type CaptionedImage, parseImageFolder } from '../formats/imageFolder.ts';
import { StudioError } from '../lib/errors.ts';
import { readText } from '../lib/textFile.ts';
import type { ImportedFile } from './importFiles.ts';
import { cleanPaths } from './paths.ts';

type CaptionedFiles = {
  readonly images: readonly CaptionedImage[];
  /** The images' files, with their names relative to `metadata.jsonl`. */
  readonly files: readonly ImportedFile[];
  readonly warnings: readonly string[];
};

const METADATA = 'metadata.jsonl';
const MAX_METADATA_BYTES = 64 * 2 ** 20;
const MAX_NAMED = 20;

/**
 * Pairs captions with images. Lines that cannot be read, and images that are missing or damaged, become warnings.
 * @throws StudioError `images-no-metadata`, `images-none-usable`, or `storage-path`
 */
export async function pairCaptions(dropped: readonly ImportedFile[]): Promise<CaptionedFiles> {
  const clean = cleanPaths(dropped);
  const metadata = clean
    .filter(({ path }) => path.split('/').at(-1) === METADATA)
    .sort((a, b) => a.path.length - b.path.length)[0];
  if (metadata === undefined || metadata.file.size > MAX_METADATA_BYTES) throw noMetadata(metadata?.path);
  const base = metadata.path.slice(0, -METADATA.length);
  const byName = new Map(clean.map(({ path, file }) => [path, file]));
  const { images: listed, problems } = readLines(metadata.path, await readText(metadata.file));
  const images: CaptionedImage[] = [];
  const files: ImportedFile[] = [];
  const missing: string[] = [];
  const unusable: string[] = [];
  for (const image of listed) {
    const file = byName.get(base + image.fileName);
    if (file === undefined) missing.push(image.fileName);
    else if (!(await isImage(file))) unusable.push(image.fileName);
    else {
      images.push(image);
      files.push({ path: image.fileName, file });
    }
  }
  const warnings = [
    ...shorten(problems),
    ...(missing.length === 0 ? [] : [`Not in the folder: ${shorten(missing).join(', ')}.`]),
    ...(unusable.length === 0
      ? []
      : [`Damaged, or neither PNG, JPEG nor WebP: ${shorten(unusable).join(', ')}.`]),
  ];
  if (images.length === 0) throw noneUsable(metadata.path, warnings);
  return { images, files, warnings };
}

/** Each line by itself, so that one bad line costs one image. */
function readLines(name: string, text: string): { images: CaptionedImage[]; problems: string[] } {
  const images = new Map<string, CaptionedImage>();
  const problems: string[] = [];
  for (const [i, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === '') continue;
    try {
      const [image] = parseImageFolder(name, line) as [CaptionedImage];
      if (images.has(image.fileName))
        problems.push(`${name}, line ${i + 1}: ${image.fileName} is listed twice.`);
      else images.set(image.fileName, image);
    } catch (error) {
      if (!(error instanceof StudioError)) throw error;
      problems.push(error.message.replace('line 1:', `line ${i + 1}:`));
    }
  }
  return { images: [...images.values()], problems };
}

/** By the first bytes of PNG, JPEG and WebP (a RIFF container), and by decoding it. */
async function isImage(file: Blob): Promise<boolean> {
  const start = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const has = (at: number, ...bytes: number[]) => bytes.every((byte, i) => start[at + i] === byte);
  const isWebp = has(0, 0x52, 0x49, 0x46, 0x46) && has(8, 0x57, 0x45, 0x42, 0x50);
  if (!has(0, 0x89, 0x50, 0x4e, 0x47) && !has(0, 0xff, 0xd8, 0xff) && !isWebp) return false;
  // A damaged image would stop a run only after its set is drawn.
  try {
    (await createImageBitmap(file)).close();
    return true;
  } catch {
    return false;
  }
}

function shorten(items: readonly string[]): string[] {
  const rest = items.length - MAX_NAMED;
  return rest > 0 ? [...items.slice(0, MAX_NAMED), `and ${rest} more`] : [...items];
}

function noMetadata(tooLarge: string | undefined): StudioError {
  const problem =
    tooLarge === undefined ? 'has no metadata.jsonl' : 'has a metadata.jsonl of more than 64 MB';
  return new StudioError('images-no-metadata', `The image folder ${problem}.`, {
    remedy:
      'Put a metadata.jsonl beside the images, with lines such as {"file_name": "1.png", "text": "a red cube"}.',
    where: METADATA,
  });
}

function noneUsable(where: string, warnings: readonly string[]): StudioError {
  const why = warnings.length === 0 ? 'The file lists none.' : warnings.join(' ');
  return new StudioError('images-none-usable', `No captioned image in the folder can be used. ${why}`, {
    remedy: 'Drop the folder that holds the images together with their metadata.jsonl.',
    where,
  });
}
