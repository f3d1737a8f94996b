import type { ModelFiles } from '../../state/page/engine.ts';

/**
 * All files of a drop, folders included, with their paths. The entries are taken before the first wait,
 * because the browser empties the transfer once the event has passed.
 */
export async function collectFiles(transfer: DataTransfer): Promise<ModelFiles> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  // Files that are not on disk, such as those another page or a test hands over, have no entry.
  if (entries.length === 0) return [...transfer.files].map((file) => ({ path: file.name, file }));
  const files: { path: string; file: Blob }[] = [];
  for (const entry of entries) await walk(entry, files);
  return files;
}

async function walk(entry: FileSystemEntry, files: { path: string; file: Blob }[]): Promise<void> {
  if (entry instanceof FileSystemFileEntry) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    files.push({ path: entry.fullPath.replace(/^\//, ''), file });
  } else if (entry instanceof FileSystemDirectoryEntry) {
    const reader = entry.createReader();
    // A reader gives at most a hundred entries at a time and an empty list at the end.
    for (;;) {
      const batch = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (batch.length === 0) return;
      for (const child of batch) await walk(child, files);
    }
  }
}
