/** Where the browser keeps runs: IndexedDB, the origin private file system, Web Locks. */
import type { Backing } from './backing.ts';
import * as kv from './kv.ts';
import { heldLocks } from './locks.ts';
import * as opfs from './opfs.ts';

export const BROWSER: Backing = {
  records: kv,
  files: opfs,
  locks: {
    whileHeld: (name, work) =>
      navigator.locks.request(name, { ifAvailable: true }, async (lock) =>
        lock === null ? null : { value: await work() },
      ),
    heldNames: heldLocks,
  },
};
