/** Names of stages and states in the words of the page. */

import type { StageName } from '../jobs/events.ts';
import type { RunStatus } from '../jobs/runTypes.ts';
import type { VisibleStatus } from '../state/runs.ts';
import type { PageName } from '../state/url.ts';

export const STAGE_WORDS: Readonly<Record<StageName, string>> = {
  load: 'Loading the model',
  pool: 'Drawing candidates',
  score: 'Scoring',
  select: 'Selecting',
  train: 'Training',
  evaluate: 'Comparing before and after',
  done: 'Done',
};

export const STATUS_WORDS: Readonly<Record<VisibleStatus | RunStatus, string>> = {
  idle: 'No run is open',
  new: 'Not started',
  running: 'Running',
  pausing: 'Pausing after the work at hand',
  canceling: 'Stopping',
  paused: 'Paused',
  failed: 'Stopped by an error',
  done: 'Done',
};

export const PAGE_TITLES: Readonly<Record<PageName, string>> = {
  start: 'Start',
  model: 'Model',
  settings: 'Settings',
  build: 'Build',
  select: 'Select',
  train: 'Train',
  compare: 'Compare',
  download: 'Download',
};
