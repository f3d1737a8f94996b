import { CSPProvider } from '@base-ui/react/csp-provider';
import { Tooltip } from '@base-ui/react/tooltip';
import { type ComponentType, lazy, Suspense, useEffect, useLayoutEffect } from 'react';
import { dismissFailure, useEngine } from '../../state/page/engine.ts';
import { useNavigation } from '../../state/page/navigation.ts';
import { dismissAlert, useNotices } from '../../state/page/notices.ts';
import { useRuns, visibleStatus } from '../../state/run/runs.ts';
import type { PageName } from '../../state/setup/url.ts';
import { AdaptersPage } from '../pages/adapters/AdaptersPage.tsx';
import { BuildPage } from '../pages/build/BuildPage.tsx';
import { ComparePage } from '../pages/compare/ComparePage.tsx';
import { DownloadPage } from '../pages/download/DownloadPage.tsx';
import { ModelPage } from '../pages/model/ModelPage.tsx';
import { SelectPage } from '../pages/select/SelectPage.tsx';
import { SettingsPage } from '../pages/settings/SettingsPage.tsx';
import { StartPage } from '../pages/start/StartPage.tsx';
import { StoragePage } from '../pages/storage/StoragePage.tsx';
import { TrainPage } from '../pages/train/TrainPage.tsx';
import styles from './App.module.css';
import { DropLayer } from './DropLayer.tsx';
import { ErrorCard } from './ErrorCard.tsx';
import { keepFocus } from './keepFocus.ts';
import { LiveStatus } from './LiveStatus.tsx';
import { Rail } from './Rail.tsx';
import { RunBar } from './RunBar.tsx';
import { Toasts } from './Toasts.tsx';
import { useRunGuards } from './useRunGuards.ts';

/** Pages that few visits need come when they are opened. */
const AgreementPage = lazy(async () => {
  const { AgreementPage: page } = await import('../pages/agreement/AgreementPage.tsx');
  return { default: page };
});
const SurveyPage = lazy(async () => {
  const { SurveyPage: page } = await import('../pages/survey/SurveyPage.tsx');
  return { default: page };
});

const PAGES: Readonly<Record<PageName, ComponentType>> = {
  start: StartPage,
  model: ModelPage,
  adapters: AdaptersPage,
  settings: SettingsPage,
  storage: StoragePage,
  survey: SurveyPage,
  build: BuildPage,
  select: SelectPage,
  agreement: AgreementPage,
  train: TrainPage,
  compare: ComparePage,
  download: DownloadPage,
};

export function App() {
  const page = useNavigation((state) => state.page);
  const status = useRuns(visibleStatus);
  const stage = useRuns((state) => state.stage);
  const hasRun = useRuns((state) => state.open !== null);
  const engine = useEngine((state) => state.status);
  useRunGuards();
  useEffect(keepFocus, []);
  const Page = PAGES[page];
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page is read from its beginning
  useLayoutEffect(() => {
    // Answers with a promise in new browsers, which must not become the effect's clean-up.
    void window.scrollTo(0, 0);
  }, [page]);
  return (
    <CSPProvider disableStyleElements>
      <Tooltip.Provider>
        <Toasts>
          <DropLayer>
            <div
              className={styles.app}
              data-stage={stage ?? 'none'}
              data-status={status}
              data-engine={engine}
              data-page={page}
            >
              <button type="button" className={styles.skip} onClick={focusContent}>
                Skip to content
              </button>
              <Rail />
              <div className={styles.column} data-run={hasRun}>
                <RunBar />
                <main id="content" className={styles.main} tabIndex={-1}>
                  <Alerts />
                  <Suspense fallback={<p role="status">Opening the page.</p>}>
                    <Page />
                  </Suspense>
                </main>
              </div>
            </div>
          </DropLayer>
          <LiveStatus />
        </Toasts>
      </Tooltip.Provider>
    </CSPProvider>
  );
}

function focusContent(): void {
  document.getElementById('content')?.focus();
}

/** Failures that wait for the user, above the page they concern. */
function Alerts() {
  const alerts = useNotices((state) => state.alerts);
  const failure = useEngine((state) => state.failure);
  // Without an engine nothing else works, so its failure stays.
  const usable = useEngine((state) => state.status === 'ready');
  return (
    <div role="alert" className={styles.alerts}>
      {failure === null ? null : (
        <ErrorCard report={failure} severity="error" onDismiss={usable ? dismissFailure : undefined} />
      )}
      {alerts.map(({ id, report, severity }) => (
        <ErrorCard key={id} report={report} severity={severity} onDismiss={() => dismissAlert(id)} />
      ))}
    </div>
  );
}
