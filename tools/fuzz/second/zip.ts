// A second reader of zip archives, over node's zlib: follows the directory, believes what it says.

import { inflateRawSync } from 'node:zlib';

/** Every file of an archive that is known to be well-formed and has no zip64 records. */
export function plainFiles(archive: Uint8Array): Map<string, Uint8Array> {
  const buffer = Buffer.from(archive);
  // The last mark whose comment ends with the file: a comment may hold such marks too.
  const mark = Buffer.from('PK\u0005\u0006', 'latin1');
  let end = buffer.lastIndexOf(mark);
  const isEnd = (at: number) =>
    at + 22 <= buffer.length && at + 22 + buffer.readUInt16LE(at + 20) === buffer.length;
  while (!isEnd(end)) end = buffer.lastIndexOf(mark, end - 1);
  const files = new Map<string, Uint8Array>();
  let at = buffer.readUInt32LE(end + 16);
  for (let left = buffer.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) =>
      buffer.readUInt16LE(at + field),
    ) as [number, number, number];
    const name = buffer.toString('utf8', at + 46, at + 46 + nameLength);
    const local = buffer.readUInt32LE(at + 42);
    const start = local + 30 + buffer.readUInt16LE(local + 26) + buffer.readUInt16LE(local + 28);
    const packed = buffer.subarray(start, start + buffer.readUInt32LE(at + 20));
    if (!name.endsWith('/'))
      files.set(name, buffer.readUInt16LE(at + 10) === 8 ? inflateRawSync(packed) : packed);
    at += 46 + nameLength + extraLength + commentLength;
  }
  return files;
}
