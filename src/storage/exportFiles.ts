/** Large files on their way out: they lie in local storage until the browser has copied them where the user wants them. */
import { removeTree } from './opfs.ts';

const FOLDER = 'exports';

export function exportPath(name: string): string {
  return `${FOLDER}/${name}`;
}

/** Removes what an earlier export left: at most one such file is kept. */
export async function clearExports(): Promise<void> {
  await removeTree(FOLDER);
}
