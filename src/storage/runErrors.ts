import { StudioError } from '../lib/errors.ts';

/** The error for a run that was deleted, perhaps in another tab. */
export function missingRun(id: string): StudioError {
  return new StudioError('run-missing', 'This run no longer exists.', {
    remedy: 'Reload the page: it may have been deleted in another tab.',
    where: id,
  });
}

/** The error for a run that another tab, or another part of this one, works on. */
export function openElsewhere(where: string, cause?: unknown): StudioError {
  return new StudioError('run-open-elsewhere', 'This run is open in another tab.', {
    remedy: 'Close the other tab, wait until it is done, or continue working there.',
    where,
    cause,
  });
}

/** The error for a run that nobody works on, and whose files the browser keeps locked all the same. */
export function keptByBrowser(where: string, cause: unknown): StudioError {
  return new StudioError('storage-in-use', 'The browser has not let go of the files of this run yet.', {
    remedy: 'Close all tabs of this page, or restart the browser; then delete the run.',
    where,
    cause,
  });
}

/** The error for stored data of a run that this version cannot read. */
export function unreadable(id: string, problem: string): StudioError {
  return new StudioError('run-unreadable', `The stored run cannot be read (${problem}).`, {
    remedy:
      'It was saved by another version of this page or is damaged. Delete it, or open it with that version.',
    where: id,
  });
}
