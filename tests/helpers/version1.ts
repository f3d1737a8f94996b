// Runs as the first version of the page stored them (`tests/golden/runsOfVersion1.json`), on a disk in memory.

import { readFileSync } from 'node:fs';
import type { StoreKey } from '../../src/storage/keys.ts';
import { MemoryDisk } from './memoryDisk.ts';

type Fixture = {
  readonly runs: Readonly<
    Record<
      string,
      { readonly id: string; readonly records: [StoreKey, unknown][]; readonly files: [string, string][] }
    >
  >;
  /** What they come to. */
  readonly outcome: { readonly adapter: string; readonly state: Record<string, unknown> };
};

export function readVersion1(): Fixture {
  return JSON.parse(readFileSync('tests/golden/runsOfVersion1.json', 'utf8')) as Fixture;
}

/** A disk as that version left it. */
export function version1Disk({ runs }: Fixture, name: string): { disk: MemoryDisk; id: string } {
  const run = runs[name];
  if (run === undefined) throw new Error(`no run ${name}`);
  const disk = new MemoryDisk();
  for (const [key, value] of run.records) disk.damageRecord(key, () => revive(value));
  for (const [file, bytes] of run.files)
    disk.damage(`runs/${run.id}/${file}`, () => Uint8Array.from(Buffer.from(bytes, 'base64')));
  return { disk, id: run.id };
}

/** Arrays and numbers that JSON has no word for. */
export function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(revive);
  if ('$f32' in value)
    return new Float32Array(Uint8Array.from(Buffer.from(String(value.$f32), 'base64')).buffer);
  if ('$number' in value) return Number(value.$number);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item)]));
}
