import { METRICS } from '../metrics/registry.ts';
import type { Option } from './method.ts';

/** What a method prefers images by: MI, a metric of this page, or scores that another program gave. */
export function rewardOption({ help, origin }: Pick<Option, 'help' | 'origin'>) {
  return {
    key: 'reward',
    label: 'Reward',
    help,
    origin,
    kind: 'choice',
    default: 'mi',
    choices: [
      { value: 'mi', label: 'Mutual information' },
      ...METRICS.map(({ name, title }) => ({ value: name, label: title })),
      {
        value: 'file',
        label: 'A file of scores',
        help: 'Scores that another program gave to the pool’s images. The run stops when the pool is drawn: score its images, read the file, continue.',
      },
    ],
  } as const satisfies Option;
}
