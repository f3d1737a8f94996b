/**
 * Large files on their way out: they lie in local storage until the browser has copied them where the user wants them.
 * One is kept at a time, and the storage page lists it as a leftover.
 */
import { removeTree } from './opfs.ts';

/** Has a folder for each kind of export. */
export const EXPORTS_FOLDER = 'exports';

/** Path for a new export, in place of an earlier one. */
export async function startExport(kind: string, name: string): Promise<string> {
  await removeTree(EXPORTS_FOLDER);
  return `${EXPORTS_FOLDER}/${kind}/${name}`;
}
