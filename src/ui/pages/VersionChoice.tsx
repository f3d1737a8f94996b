import { openRun } from '../../state/run/runActions.ts';
import { isFree, useRuns } from '../../state/run/runs.ts';
import { formatPlural } from '../format.ts';
import { Choice } from '../primitives/Choice.tsx';

/** Which version of the open run's results is shown, where a selection was changed after training. */
export function VersionChoice() {
  const run = useRuns((state) => state.open);
  const idle = useRuns(isFree);
  if (run === null || run.versions.length < 2) return null;
  return (
    <Choice
      label="Version of the results"
      value={String(run.version)}
      disabled={!idle}
      options={run.versions.map(({ version, images, steps }) => ({
        value: String(version),
        label: `Version ${version + 1}`,
        help: `${formatPlural(images, 'image')}, ${steps === 0 ? 'not trained' : `trained ${steps} steps`}`,
      }))}
      onChange={(version) => void openRun(run.summary.id, Number(version))}
    />
  );
}
