// The browser's own stores as a disk that loses power. What is written goes to IndexedDB and the private file system and to
// a disk in memory beside them, which knows what was safe; what is read comes from the browser. When the power comes
// back, the browser's stores are given what the other one has left.

import type { Backing, Files, Records, SyncFile } from '../../src/storage/backing.ts';
import * as kv from '../../src/storage/kv.ts';
import * as opfs from '../../src/storage/opfs.ts';
import { writeAll } from '../../src/storage/syncFile.ts';
import { type Loss, MemoryDisk } from '../../tests/helpers/memoryDisk.ts';
import type { Disk } from './storeCuts.ts';

/** Everything that runs are kept in. */
const FOLDER = 'runs';

export class RealDisk implements Disk {
  readonly #model = new MemoryDisk();
  readonly #open = new Set<SyncFile>();
  #backing = this.#ports();

  /** Empties the browser's stores. To be called in a worker that nobody shares them with. */
  static async make(): Promise<RealDisk> {
    const disk = new RealDisk();
    await disk.#adopt();
    return disk;
  }

  get backing(): Backing {
    return this.#backing;
  }

  cutAfter(operations: number): void {
    this.#model.cutAfter(operations);
  }

  async restart(loss: Loss): Promise<void> {
    this.#model.restart(loss);
    await this.#adopt();
    this.#backing = this.#ports();
  }

  /** Makes the browser's stores what the disk in memory is. */
  async #adopt(): Promise<void> {
    for (const handle of this.#open) handle.close();
    this.#open.clear();
    await opfs.removeTree(FOLDER);
    const { files, records } = this.#model.backing;
    for (const path of this.#model.paths()) {
      const bytes = await files.readBytes(path);
      if (bytes === null) continue;
      const handle = await opfs.holdFile(path);
      writeAll(handle, bytes, 0);
      handle.close();
    }
    const entries = [...(await records.valuesWithPrefix(ALL))];
    await kv.rewriteAll(ALL, () => entries as [never, unknown][]);
  }

  #ports(): Backing {
    const { records, files, locks } = this.#model.backing;
    return { records: this.#recordsPort(records), files: this.#filesPort(files), locks };
  }

  /** First the disk in memory, where the power may go; both make the same of the same. */
  #recordsPort(model: Records): Records {
    return {
      readValue: async (key) => {
        await model.readValue(key);
        return kv.readValue(key);
      },
      valuesWithPrefix: async (prefix) => {
        await model.valuesWithPrefix(prefix);
        return kv.valuesWithPrefix(prefix);
      },
      writeValues: async (entries) => {
        await model.writeValues(entries);
        await kv.writeValues(entries);
      },
      updateValue: async (key, update, also) => {
        await model.updateValue(key, update, also);
        await kv.updateValue(key, update, also);
      },
      extendLast: async (prefix, extend) => {
        await model.extendLast(prefix, extend);
        await kv.extendLast(prefix, extend);
      },
      rewriteAll: async (prefix, change) => {
        await model.rewriteAll(prefix, change);
        await kv.rewriteAll(prefix, change);
      },
      deleteValues: async (keys, prefixes) => {
        await model.deleteValues(keys, prefixes);
        await kv.deleteValues(keys, prefixes);
      },
    };
  }

  #filesPort(model: Files): Files {
    return {
      holdFile: async (path) => this.#hold(await model.holdFile(path), await opfs.holdFile(path)),
      readBytes: async (path, limit) => {
        await model.readBytes(path, limit);
        return opfs.readBytes(path, limit);
      },
      writeBytes: async (path, bytes) => {
        await model.writeBytes(path, bytes);
        await opfs.writeBytes(path, bytes);
      },
      removeTree: async (path) => {
        await model.removeTree(path);
        await opfs.removeTree(path);
      },
      listFiles: (path) => opfs.listFiles(path),
      listFolders: (path) => opfs.listFolders(path),
      sizeOf: (path) => opfs.sizeOf(path),
    };
  }

  #hold(model: SyncFile, real: SyncFile): SyncFile {
    this.#open.add(real);
    return {
      getSize: () => real.getSize(),
      read: (buffer, options) => {
        model.read(buffer, options);
        return real.read(buffer, options);
      },
      write: (buffer, options) => {
        model.write(buffer, options);
        return real.write(buffer, options);
      },
      truncate: (size) => {
        model.truncate(size);
        real.truncate(size);
      },
      flush: () => {
        model.flush();
        real.flush();
      },
      close: () => {
        model.close();
        real.close();
        this.#open.delete(real);
      },
    };
  }
}

/** Before every key. */
const ALL = '' as never;
