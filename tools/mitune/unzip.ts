// Unpacks the zip files that the page writes: stored entries, no compression (APPNOTE.TXT, sections 4.3.12 and 4.3.7).

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const CENTRAL_ENTRY = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
const END_BYTES = 22;

/** Writes every file of the archive below `folder`; returns their names. */
export function unzip(bytes: Uint8Array, folder: string): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.byteLength - END_BYTES;
  while (end >= 0 && view.getUint32(end, true) !== END_OF_DIRECTORY) end--;
  if (end < 0) throw new Error('The downloaded set is not a zip file.');
  const names: string[] = [];
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < view.getUint16(end + 10, true); i++) {
    if (view.getUint32(at, true) !== CENTRAL_ENTRY) throw new Error('The downloaded set is damaged.');
    if (view.getUint16(at + 10, true) !== 0) throw new Error('The downloaded set is compressed.');
    const size = view.getUint32(at + 20, true);
    const nameLength = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const local = view.getUint32(at + 42, true);
    const data = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (name.endsWith('/')) continue;
    if (name.split('/').includes('..')) throw new Error(`The downloaded set has the unsafe name ${name}.`);
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes.subarray(data, data + size));
    names.push(name);
  }
  return names;
}
