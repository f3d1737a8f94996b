/**
 * A mark in both of the browser's stores, which stays until somebody clears one of them. Nothing else tells reliably: the
 * first write after that makes the database anew, and Chromium never answers a write to an open file that was cleared.
 */
import { guardStorage, isNotFound } from './failure.ts';
import { readSetting } from './kv.ts';

/** Name of the setting, and of the file. */
export const MARK = 'mark';

/** True once the database or the files were cleared since they were marked. */
export async function isCleared(mark: string): Promise<boolean> {
  return (await readSetting(MARK)) !== mark || (await markOfFiles()) !== mark;
}

/** Null where there is none. */
export function markOfFiles(): Promise<string | null> {
  return guardStorage(MARK, async () => {
    try {
      const root = await navigator.storage.getDirectory();
      return await (await (await root.getFileHandle(MARK)).getFile()).text();
    } catch (cause) {
      if (isNotFound(cause)) return null;
      throw cause;
    }
  });
}
