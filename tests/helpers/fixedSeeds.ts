/**
 * Property tests draw the same cases on every run, so that a check never turns red by chance. New cases are what
 * `npm run fuzz` looks for; what it finds becomes an example of a test.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: 20_261_127 });
