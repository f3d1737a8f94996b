/** The model's noise schedule, read from its folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSchedule, type NoiseSchedule } from '../../src/diffusion/schedule.ts';
import { parseSchedulerFile, resolveScheduler } from '../../src/diffusion/schedulerConfig.ts';
import { BUILT_IN_MODEL } from '../../src/sources/catalog.ts';
import { ROOT } from '../lib/dependencies.mjs';

export const MODEL_FOLDER = join(ROOT, 'public', BUILT_IN_MODEL);

export function modelSchedule(): NoiseSchedule {
  const path = 'scheduler/scheduler_config.json';
  const config: unknown = JSON.parse(readFileSync(join(MODEL_FOLDER, path), 'utf8'));
  return createSchedule(resolveScheduler(parseSchedulerFile(config, path), 'ddpm'));
}
