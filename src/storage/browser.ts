/** Where the browser keeps runs: IndexedDB, the origin private file system, Web Locks. */
import type { Backing } from './backing.ts';
import * as kv from './kv.ts';
import { lastingLocks, whileHeld } from './locks.ts';
import * as opfs from './opfs.ts';

export const BROWSER: Backing = {
  records: kv,
  files: opfs,
  locks: { whileHeld, heldNames: lastingLocks },
};
