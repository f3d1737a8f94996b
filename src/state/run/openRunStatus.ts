/** Reads again what state the stored runs are in, after something other than working on them has changed it. */
import { engineClient } from '../page/engineClient.ts';
import { useRuns } from './runs.ts';

export async function refreshOpenRun(): Promise<void> {
  const runs = await engineClient().call('listRuns', {});
  const { open } = useRuns.getState();
  const summary = runs.find((run) => run.id === open?.summary.id);
  if (open === null || summary === undefined) return useRuns.setState({ runs });
  useRuns.setState({ runs, open: { ...open, summary }, stage: summary.stage, round: summary.round });
}
