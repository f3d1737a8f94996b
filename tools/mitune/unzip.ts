// Unpacks the zip files that the page writes.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unzipAll } from '../../src/formats/zip.ts';
import { bytesSource } from '../../src/lib/bytes.ts';

const LIMITS = { maxEntries: 1_000_000, maxEntryBytes: 2 ** 31, maxTotalBytes: 2 ** 36 };

/**
 * Writes every file of the archive below `folder`; returns their names. Nothing is written if any of it is damaged.
 * @throws StudioError as `openZip`
 */
export async function unzip(bytes: Uint8Array, folder: string): Promise<string[]> {
  const files = await unzipAll(bytesSource(bytes, 'The downloaded set'), LIMITS);
  for (const [name, data] of files) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
  }
  return [...files.keys()];
}
