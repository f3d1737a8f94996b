import type { LoadPlan, PlanMode } from '../../../contract/loadPlan.ts';
import { chooseMode, hidePlans, useLoadPlans } from '../../../state/model/loadPlans.ts';
import { loadPlanned, takeProposal } from '../../../state/model/modelChoice.ts';
import { formatBytes } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { Meter } from '../../primitives/Meter.tsx';
import { Segments } from '../../primitives/Segments.tsx';
import { ErrorCard } from '../../shell/ErrorCard.tsx';
import styles from './LoadPlan.module.css';
import { LoadPlanTable } from './LoadPlanTable.tsx';

const MODES = [
  { value: 'generate', label: 'Drawing images' },
  { value: 'train', label: 'Training' },
] as const satisfies readonly { value: PlanMode; label: string }[];

/** What goes where, whether it fits, and what would; `loads` where the model is still to be loaded. */
export function LoadPlanPanel({ loads = false }: { readonly loads?: boolean }) {
  const { mode, plans, busy, failure } = useLoadPlans();
  const plan = plans[mode];
  const fits = plans.generate?.fits ?? true;
  return (
    <section className={styles.panel} aria-label="Memory plan" aria-busy={busy} data-plan={mode}>
      <div className={styles.head}>
        <h3>Memory plan</h3>
        <Segments label="Plan for" value={mode} options={MODES} onChange={chooseMode} />
      </div>
      {failure === null ? null : <ErrorCard report={failure} severity="error" />}
      {plan === null ? (
        busy ? (
          <Meter label="Planning" share={null} />
        ) : null
      ) : (
        <>
          <Verdict plan={plan} />
          {plan.phases.length === 0 ? null : <LoadPlanTable plan={plan} />}
        </>
      )}
      {loads ? (
        <div className={styles.buttons}>
          <Button look={fits ? 'primary' : 'plain'} disabled={busy} onClick={() => void loadPlanned()}>
            {fits ? 'Load this model' : 'Load it anyway'}
          </Button>
          <Button look="quiet" onClick={hidePlans}>
            Not now
          </Button>
        </div>
      ) : null}
    </section>
  );
}

/** The peak against the budget in a sentence and a bar, and the proposal where it is too much. */
function Verdict({ plan }: { readonly plan: LoadPlan }) {
  const { peakBytes, budgetBytes, fits, proposal } = plan;
  const over = peakBytes - budgetBytes;
  return (
    <div className={styles.verdict} data-fits={fits}>
      <p>
        <strong>
          {Number.isFinite(over)
            ? `${fits ? 'Fits.' : `Too large by ${formatBytes(over)}.`} Peak ${formatBytes(peakBytes)} of ${formatBytes(budgetBytes)}.`
            : 'Too large: a single buffer would be more than this device can have.'}
        </strong>{' '}
        {Number.isFinite(over) ? describeTrial(plan) : null}
      </p>
      <div className={styles.bar} aria-hidden="true">
        <span style={{ inlineSize: `${Math.min(100, (100 * peakBytes) / budgetBytes)}%` }} />
      </div>
      {proposal === null ? (
        fits ? null : (
          <p>
            Even one image at a time, at a quarter of the size, would not fit.
            {plan.backend === 'wasm' ? ' On a GPU the weights take half as much.' : null}
          </p>
        )
      ) : (
        <div className={styles.proposal}>
          <div>
            <p>This fits, with a peak of {formatBytes(proposal.peakBytes)}:</p>
            <ul>
              {proposal.changes.map((change) => (
                <li key={change}>{change}</li>
              ))}
            </ul>
          </div>
          <Button look="primary" onClick={() => void takeProposal(plan)}>
            Take it
          </Button>
        </div>
      )}
    </div>
  );
}

function describeTrial({ trial, backend }: LoadPlan): string {
  switch (trial) {
    case 'passed':
      return 'Buffers of that size were created and freed again on this device as a trial.';
    case 'failed':
      return 'A trial on this device did not get that much memory.';
    case 'skipped':
      return backend === 'wasm' ? 'Counted in the memory of this computer.' : 'No trial was made.';
    default:
      return trial satisfies never;
  }
}
