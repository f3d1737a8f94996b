import type { LoadPlan, PlanPhase, PlanSettings } from '../../../contract/loadPlan.ts';
import { formatBytes, formatPlural } from '../../format.ts';
import { PLAN_PHASE_WORDS } from '../../words.ts';
import styles from './LoadPlan.module.css';

/** Rows by phase, as the phases follow one another; the largest is the peak. */
export function LoadPlanTable({ plan }: { readonly plan: LoadPlan }) {
  return (
    <>
      <p className={styles.settings}>{describeSettings(plan)}</p>
      <div className={styles.scroll}>
        <table className={styles.table}>
          <caption className="visually-hidden">What goes where, by phase</caption>
          <thead>
            <tr>
              <th scope="col">Phase and part</th>
              <th scope="col">Where</th>
              <th scope="col">Precision</th>
              <th scope="col">Size</th>
            </tr>
          </thead>
          {plan.phases.map((phase) => (
            <PhaseRows key={phase.phase} plan={plan} phase={phase} />
          ))}
        </table>
      </div>
      <p className={styles.settings}>
        While loading, at most {formatBytes(plan.loadingBytes)} of the files are in the page’s memory at once.
      </p>
    </>
  );
}

function PhaseRows({ plan, phase }: { readonly plan: LoadPlan; readonly phase: PlanPhase }) {
  const isPeak = phase.peakBytes === plan.peakBytes;
  return (
    <tbody>
      <tr className={styles.phase} data-peak={isPeak}>
        <th scope="rowgroup" colSpan={3}>
          {PLAN_PHASE_WORDS[phase.phase]}
          {isPeak ? <span className={styles.peak}>peak</span> : null}
        </th>
        <td>{formatBytes(phase.peakBytes)}</td>
      </tr>
      {plan.rows
        .filter((row) => row.phase === phase.phase)
        .map((row) => (
          <tr key={`${row.what} ${row.where}`}>
            <th scope="row">{row.what}</th>
            <td>{describePlace(row.where, plan.backend)}</td>
            <td>{row.precision}</td>
            <td>{formatBytes(row.bytes)}</td>
          </tr>
        ))}
    </tbody>
  );
}

function describePlace(where: 'device' | 'memory', backend: LoadPlan['backend']): string {
  if (where === 'memory') return 'Page';
  return backend === 'webgpu' ? 'GPU' : 'Processor';
}

/** The settings that make the plan what it is, in one line. */
function describeSettings({ settings, mode }: LoadPlan): string {
  const { size, batch, weights } = settings;
  const together = mode === 'generate' ? 'with and without the prompt' : 'forward and backward';
  return [
    `${size} × ${size} pixels`,
    `${formatPlural(batch, 'image')} at a time, ${together}`,
    `frozen weights in ${weights}, arithmetic in f32`,
    ...describeWays(settings, mode),
  ].join('; ');
}

function describeWays({ parts, sweep, decodeBands }: PlanSettings, mode: LoadPlan['mode']): string[] {
  return [
    parts === 'byPhase' ? 'text encoder and image decoder come and go' : 'all networks stay loaded',
    ...(mode === 'train' && sweep === 'byStage' ? ['gradients block by block'] : []),
    ...(decodeBands > 1 ? [`images decoded in ${decodeBands} bands`] : []),
  ];
}
