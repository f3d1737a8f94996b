import type { ModelRef } from '../contract/spec.ts';
import { StudioError } from '../lib/errors.ts';
import { type ModelFolder, readJson, urlFolder } from '../models/folder.ts';
import { openModelFolder } from '../storage/modelStore.ts';

/** The folder a reference names: below an address (relative ones are relative to the page), or imported. */
export async function openModelRef(ref: ModelRef, pageUrl: string): Promise<ModelFolder> {
  switch (ref.kind) {
    case 'url':
      return urlFolder(resolveUrl(ref.base, pageUrl));
    case 'local':
      return openModelFolder(ref.id);
    default:
      return ref satisfies never;
  }
}

/** True where model_index.json says that the model draws the shapes world, whose images can be scored exactly. */
export async function drawsShapesWorld(folder: ModelFolder): Promise<boolean> {
  try {
    const index = await readJson(folder, 'model_index.json');
    return typeof index === 'object' && index !== null && '_world' in index && index._world === 'shapes';
  } catch (error) {
    // Folders without an index load all the same.
    if (error instanceof StudioError && error.code === 'model-file-missing') return false;
    throw error;
  }
}

function resolveUrl(base: string, pageUrl: string): string {
  const url = URL.canParse(base, pageUrl) ? new URL(base, pageUrl) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new StudioError('model-address-invalid', `${base} is not a web address.`, {
      where: base,
      remedy: 'Enter the https:// address of a folder in diffusers layout.',
    });
  }
  return url.href;
}
