/** Names of stored things and paths of imported ones: checked once here, trusted afterwards. */
import { StudioError } from '../lib/errors.ts';

/** Ending of a file that is being written. */
export const PART = '.part';

/**
 * Parts of a path with `/` between folders; a leading `/` or `./`, as drops have, is ignored.
 * @throws StudioError `storage-path` for names that are empty, lead out of the folder, or are no names on some system
 */
export function splitPath(path: string): string[] {
  const parts = path.replace(/^(\.?\/)+/, '').split('/');
  const isName = (part: string) => part !== '' && part !== '.' && part !== '..' && !/[\\:\0]/.test(part);
  if (parts.every(isName)) return parts;
  throw new StudioError('storage-path', `“${path}” is not a path inside the folder.`, {
    remedy: 'Rename the file or folder: no “..”, backslash or colon, and no empty names.',
    where: path,
  });
}

/** An identifier that is safe as a folder name and inside record keys. @throws StudioError `storage-path` */
export function checkId(id: string): string {
  if (/^[\w-][\w.-]{0,99}$/.test(id)) return id;
  throw new StudioError('storage-path', `“${id}” cannot be used as an identifier.`, {
    remedy: 'Use up to 100 letters, digits, dots, hyphens and underscores.',
    where: id,
  });
}

/**
 * Clean paths of dropped files, without what the system puts beside them (names starting with a dot, `__MACOSX`) and
 * without the folder that all the rest lies in.
 *
 * @param keep names of top folders that belong to the content and are never taken off
 * @throws StudioError `storage-path` as `splitPath`, also for paths that occur twice
 */
export function cleanPaths<F extends { readonly path: string }>(
  files: readonly F[],
  keep: readonly string[] = [],
): F[] {
  const split = files
    .map((file) => ({ file, parts: splitPath(file.path) }))
    .filter(({ parts }) => !parts.some((part) => part.startsWith('.') || part === '__MACOSX'));
  const top = split[0]?.parts[0] ?? '';
  const isShared = !keep.includes(top) && split.every(({ parts }) => parts.length > 1 && parts[0] === top);
  const seen = new Set<string>();
  return split.map(({ file, parts }) => {
    const path = parts.slice(isShared ? 1 : 0).join('/');
    if (seen.has(path)) {
      throw new StudioError('storage-path', `${path} occurs twice.`, {
        remedy: 'Choose one folder at a time.',
        where: path,
      });
    }
    seen.add(path);
    return { ...file, path };
  });
}
