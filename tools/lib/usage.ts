// Errors of a command line: a sentence without a stack trace.

import { StudioError } from '../../src/lib/errors.ts';

/** What a tool throws when it was called wrongly; tools/run.mjs prints the message and ends with exit code 1. */
export function usageError(message: string): StudioError {
  return new StudioError('usage', message, { remedy: 'Use --help for the options.' });
}
