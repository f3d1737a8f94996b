/** The model of the next run: what is loaded on the user's wish also becomes its setting. */
import type { ModelRef } from '../jobs/spec.ts';
import { importModel, loadModel, type ModelFiles, useEngine } from './engine.ts';
import { useSettings } from './settings.ts';

export async function chooseModel(ref: ModelRef): Promise<void> {
  if (await loadModel(ref)) keepChoice();
}

/** Takes in a dropped or chosen diffusers folder. */
export async function chooseModelFolder(name: string, files: ModelFiles): Promise<void> {
  if (await importModel(name, files)) keepChoice();
}

function keepChoice(): void {
  const { model } = useEngine.getState();
  if (model !== null) useSettings.getState().patch({ model: model.ref });
}
