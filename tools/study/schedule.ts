/** The model's noise schedule, read from its folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSchedule, type NoiseSchedule } from '../../src/diffusion/schedule.ts';
import { parseSchedulerFile, resolveScheduler } from '../../src/diffusion/schedulerConfig.ts';
import { MODEL_FOLDER } from './models.ts';

export function modelSchedule(): NoiseSchedule {
  const path = 'scheduler/scheduler_config.json';
  const config: unknown = JSON.parse(readFileSync(join(MODEL_FOLDER, path), 'utf8'));
  return createSchedule(resolveScheduler(parseSchedulerFile(config, path), 'ddpm'));
}
