// The images of a folder with their prompts: an ImageFolder, or the names of T2I-CompBench.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseImageFolder } from '../../src/formats/imageFolder.ts';
import { inOrder } from '../../src/metrics/t2i/results.ts';
import { usageError } from '../lib/usage.ts';

export type PromptedImage = {
  readonly fileName: string;
  readonly prompt: string;
  /** SHA-256 of the file. */
  readonly sha256: string;
};

export type PromptedFolder = {
  /** Where the images lie: the folder, or its `samples`. */
  readonly folder: string;
  readonly images: readonly PromptedImage[];
  /** True for T2I-CompBench's names: results are written as its scripts write them. */
  readonly benchmark: boolean;
};

/** @throws StudioError for folders without prompts, and for images that are listed but missing */
export function readFolder(folder: string): PromptedFolder {
  const listing = join(folder, 'metadata.jsonl');
  if (existsSync(listing)) {
    const images = parseImageFolder(listing, readFileSync(listing, 'utf8')).map(({ fileName, text }) => ({
      fileName,
      prompt: text,
      sha256: hashOf(folder, fileName),
    }));
    return { folder, images, benchmark: false };
  }
  const samples = join(folder, 'samples');
  const place = existsSync(samples) ? samples : folder;
  if (!existsSync(place)) throw usageError(`There is no folder ${folder}.`);
  const images = inOrder(readdirSync(place)).map(({ file, prompt }) => ({
    fileName: file,
    prompt,
    sha256: hashOf(place, file),
  }));
  if (images.length === 0) {
    throw usageError(
      `${folder} has neither a metadata.jsonl nor images named like "a red cat_000000.png", so that there are no prompts.`,
    );
  }
  return { folder: place, images, benchmark: true };
}

function hashOf(folder: string, fileName: string): string {
  const path = join(folder, fileName);
  if (!existsSync(path)) throw usageError(`${fileName} is listed, but not in ${folder}.`);
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
