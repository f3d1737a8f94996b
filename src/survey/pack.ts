/** Survey packs: a zip of PNG images and a manifest. Read from any source by ranges, and written. */
import { makeZip } from 'client-zip';
import { decodePng, type RgbImage } from '../formats/png.ts';
import { openZip, type ZipArchive } from '../formats/zip.ts';
import type { ByteSource } from '../lib/bytes.ts';
import {
  MANIFEST_NAME,
  MAX_COLUMNS,
  MAX_QUESTIONS,
  parseManifest,
  type SurveyManifest,
  surveyInvalid,
} from './manifest.ts';

export type SurveyPack = { readonly manifest: SurveyManifest; readonly archive: ZipArchive };

/** Height and width; a respondent's phone has to hold eight of them. */
const MAX_SIDE = 2048;
const LIMITS = { maxEntries: MAX_QUESTIONS * MAX_COLUMNS.methods + 1, maxEntryBytes: 16 * 2 ** 20 };

/**
 * Opens a pack: its directory and its manifest, no image yet.
 * @throws StudioError `survey-invalid`, and as `openZip`
 */
export async function openPack(source: ByteSource): Promise<SurveyPack> {
  const archive = await openZip(source, LIMITS);
  if (!archive.entries.has(MANIFEST_NAME)) throw surveyInvalid(source.name, `it has no ${MANIFEST_NAME}`);
  const bytes = await archive.read(MANIFEST_NAME);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw surveyInvalid(source.name, `${MANIFEST_NAME} is not UTF-8 text`, cause);
  }
  const manifest = parseManifest(source.name, text);
  for (const { images } of manifest.questions) {
    for (const path of Object.values(images))
      if (!archive.entries.has(path)) throw surveyInvalid(source.name, `it has no image “${path}”`);
  }
  return { manifest, archive };
}

/** An image of the pack, checked to its last pixel. @throws StudioError `survey-invalid`, `png-invalid`, `zip-unreadable` */
export async function readImage({ archive }: SurveyPack, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const png = await archive.read(path);
  const { width, height } = await decodePng(png, path);
  if (width > MAX_SIDE || height > MAX_SIDE)
    throw surveyInvalid(
      archive.name,
      `“${path}” has ${width} x ${height} pixels, and ${MAX_SIDE} is the most`,
    );
  return png;
}

/** Pixels of an image that `readImage` let through. */
export function pixelsOf(png: Uint8Array, path: string): Promise<RgbImage> {
  return decodePng(png, path);
}

/**
 * The zip of a pack. Images are asked for one at a time, each path once.
 * @throws whatever `image` throws
 */
export async function writePack(
  manifest: SurveyManifest,
  image: (path: string) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<Blob> {
  const paths = new Set(manifest.questions.flatMap(({ images }) => Object.values(images)));
  async function* files(): AsyncGenerator<{ name: string; input: Uint8Array<ArrayBuffer> | string }> {
    yield { name: MANIFEST_NAME, input: `${JSON.stringify(manifest, null, 1)}\n` };
    for (const path of paths) yield { name: path, input: await image(path) };
  }
  return new Response(makeZip(files())).blob();
}
