// Unpacks the zip files that the page writes.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readZip } from './readZip.ts';

/** Writes every file of the archive below `folder`; returns their names. Nothing is written if one name is unsafe. */
export function unzip(bytes: Uint8Array, folder: string): string[] {
  const files = readZip(bytes);
  for (const name of files.keys()) {
    if (name.split(/[/\\]/).includes('..') || /^([/\\]|[a-z]:)/i.test(name)) {
      throw new Error(`The downloaded set has the unsafe name ${name}.`);
    }
  }
  for (const [name, data] of files) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
  }
  return [...files.keys()];
}
