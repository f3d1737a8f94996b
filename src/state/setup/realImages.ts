/** Folders of captioned images that can take a share of the training set. */
import { create } from 'zustand';
import type { ImportedImages } from '../../contract/protocol.ts';
import type { ModelFiles } from '../page/engine.ts';
import { engineClient } from '../page/engineClient.ts';
import { attempt, confirmDone } from '../page/notices.ts';
import { patchDraft, useSettings } from './settings.ts';

const DEFAULT_SHARE = 0.25;

export const useRealImages = create<{ readonly folder: ImportedImages | null; readonly busy: boolean }>()(
  () => ({
    folder: null,
    busy: false,
  }),
);

/** Copies the folder into local storage and gives it a share of the set. */
export async function importImages(name: string, files: ModelFiles): Promise<void> {
  useRealImages.setState({ busy: true });
  const folder = await attempt(() => engineClient().call('importImages', { name, files }));
  useRealImages.setState({ busy: false });
  if (folder === null) return;
  useRealImages.setState({ folder });
  const { realImages } = useSettings.getState();
  patchDraft({ realImages: { folder: folder.id, share: realImages?.share ?? DEFAULT_SHARE } });
  confirmDone(`${folder.name}: ${folder.images} captioned ${folder.images === 1 ? 'image' : 'images'}.`);
}

export function dropRealImages(): void {
  useRealImages.setState({ folder: null });
  patchDraft({ realImages: null });
}
