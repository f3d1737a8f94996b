/** A stored pool by a metric that its run may never have heard of. */
import type { Requests } from '../contract/protocol.ts';
import { imagesMissing } from '../jobs/exports.ts';
import { type MeasuredPool, measurePool } from '../jobs/measurePool.ts';
import { StudioError } from '../lib/errors.ts';
import { BROWSER } from '../storage/browser.ts';
import { openRunStore } from '../storage/runStore.ts';
import { withRunLock } from '../storage/runs.ts';
import { sessionOfRun } from './adapterSources.ts';
import type { RequestContext } from './requestContext.ts';

/**
 * Nothing else computes meanwhile: the UNet may be away.
 * @throws StudioError `engine-busy`, `images-missing`, `metric-unfit`, and as `openMeter`
 */
export function measureStoredPool(
  { runId, round, metric }: Requests['measurePool']['args'],
  { engine, work, signal: outer, progress }: RequestContext,
): Promise<MeasuredPool> {
  return work.start(runId, outer, (signal) =>
    withRunLock(BROWSER, runId, async () => {
      const store = openRunStore(BROWSER, runId);
      const { spec } = await store.load();
      const session = sessionOfRun(engine, spec);
      const lease = await store.pools.leaseStored(round);
      if (lease === null) throw imagesMissing();
      try {
        // Texts are read when it is known which images are open.
        await engine.openMeters({ metrics: [metric], prompts: [] }, signal);
        const meter = engine.metersOf(session).find((one) => one.metric.name === metric.name);
        if (meter === undefined) throw unfit(metric.name);
        const of = { session, store, prompts: spec.prompts, round, pool: lease.log };
        return await measurePool(of, meter, {
          signal,
          onStored: (_, done, total) => progress(done, total, 'images'),
        });
      } finally {
        lease.close();
        // Its network would take memory that no plan counts.
        engine.closeMeters();
      }
    }),
  );
}

function unfit(name: string): StudioError {
  return new StudioError('metric-unfit', `${name} measures pictures of another model.`, {
    where: name,
    remedy: 'Choose another metric.',
  });
}
