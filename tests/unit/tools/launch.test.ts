import { mkdtempSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeStaleLock } from '../../../tools/lib/launch.ts';

let profile: string;
beforeEach(() => {
  profile = mkdtempSync(join(tmpdir(), 'studio-profile-'));
});
afterEach(() => rmSync(profile, { recursive: true, force: true }));

const lock = (): string | null => {
  try {
    return readlinkSync(join(profile, 'SingletonLock'));
  } catch {
    return null;
  }
};

// Process numbers end far below this one.
const NOBODY = 2 ** 30;

test.each([
  ['of a browser that is gone is removed', `${hostname()}-${NOBODY}`, false],
  ['of a browser that runs stays', `${hostname()}-${process.pid}`, true],
  ['of another machine stays', `not-${hostname()}-${NOBODY}`, true],
])('the lock of a profile, %s', (_, holder, stays) => {
  symlinkSync(holder, join(profile, 'SingletonLock'));
  removeStaleLock(profile);
  expect(lock()).toBe(stays ? holder : null);
});

test('a profile without a lock is left alone', () => {
  removeStaleLock(profile);
  expect(lock()).toBeNull();
});
