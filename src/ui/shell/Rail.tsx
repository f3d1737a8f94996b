import { modelName } from '../../state/model/modelRows.ts';
import { useStored } from '../../state/model/stored.ts';
import { useEngine } from '../../state/page/engine.ts';
import { goTo, useNavigation } from '../../state/page/navigation.ts';
import { useRuns } from '../../state/run/runs.ts';
import { useSettings } from '../../state/setup/settings.ts';
import { GENERAL_PAGES, type PageName, STAGE_PAGES } from '../../state/setup/url.ts';
import { formatPercent } from '../format.ts';
import { describeArithmetic, PAGE_TITLES } from '../words.ts';
import { Logo } from './Logo.tsx';
import styles from './Rail.module.css';
import { ThemeSwitch } from './ThemeSwitch.tsx';
import { useStageNotes } from './useStageNotes.ts';

/** Navigation: pages for the next run above, the stages of the open run below. Compare works without a run too. */
export function Rail() {
  const runName = useRuns((state) => state.open?.summary.name ?? null);
  const notes = useStageNotes();
  return (
    <header className={styles.rail}>
      <div className={styles.brand}>
        <Logo />
        <span className={styles.name}>MI-Tune Studio</span>
      </div>
      <nav className={styles.general} aria-label="Pages">
        {(runName === null ? ([...GENERAL_PAGES, 'compare'] as const) : GENERAL_PAGES).map((page) => (
          <Item key={page} page={page} note={null} />
        ))}
      </nav>
      {runName === null ? null : (
        <nav className={styles.stages} aria-label="Stages of the open run">
          <p className={styles.runName} title={runName}>
            {runName}
          </p>
          {STAGE_PAGES.map((page) => (
            <Item key={page} page={page} note={notes[page]} />
          ))}
        </nav>
      )}
      <div className={styles.foot}>
        <EngineLine />
        <ThemeSwitch />
      </div>
    </header>
  );
}

function Item({ page, note }: { readonly page: PageName; readonly note: string | null }) {
  const current = useNavigation((state) => state.page === page);
  return (
    <button
      type="button"
      className={styles.item}
      aria-current={current ? 'page' : undefined}
      aria-description={note ?? undefined}
      onClick={() => goTo(page)}
    >
      <span>{PAGE_TITLES[page]}</span>
      {note === null ? null : (
        <span className={styles.note} aria-hidden="true">
          {note}
        </span>
      )}
    </button>
  );
}

/** Backend and model in two lines; the reasons are on the start and model pages. */
function EngineLine() {
  const { status, backend, model, progress } = useEngine();
  const list = useStored((state) => state.list);
  const loading =
    progress === null || progress.total === 0 ? '' : ` ${formatPercent(progress.done / progress.total)}`;
  const chosen = useSettings((state) => state.model);
  const words = {
    idle: 'Engine not started',
    opening: 'Starting the engine',
    loading: `Loading the model${loading}`,
    waiting: `${modelName(chosen, list) ?? 'The model'} is not loaded yet`,
    ready: model === null ? 'Ready' : (modelName(model.ref, list) ?? model.name),
    failed: 'Engine failed',
  }[status];
  return (
    <div className={styles.engineLine} data-state={status}>
      <p>{words}</p>
      {backend === null ? null : <p className={styles.backend}>{describeArithmetic(backend, model)}</p>}
    </div>
  );
}
