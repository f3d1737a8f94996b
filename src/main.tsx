import { lazy, StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { reportError } from './lib/errors.ts';
import { restrictScripts } from './lib/trustedTypes.ts';
import { prepareModel } from './state/model/modelChoice.ts';
import { browserFeatures, missingFeature } from './state/page/capabilities.ts';
import { failEngine, hearEngine } from './state/page/engine.ts';
import { engineClient, offerScripting } from './state/page/engineClient.ts';
import { restoreTheme } from './state/page/theme.ts';
import { watchOtherTabs } from './state/run/otherTabs.ts';
import { listenToRuns, refreshRuns } from './state/run/runActions.ts';
import { syncAddress } from './state/setup/address.ts';
import { keepPromptDraft } from './state/setup/prompts.ts';
import { surveyAddress } from './state/survey/link.ts';
import { App } from './ui/shell/App.tsx';
import { ErrorBoundary } from './ui/shell/Salvage.tsx';
import './ui/theme.css';

restrictScripts();
restoreTheme();

/** Respondents of a survey get that alone: no engine, and no GPU is needed. */
const RespondentApp = lazy(async () => {
  const { RespondentApp: page } = await import('./ui/pages/survey/respond/RespondentApp.tsx');
  return { default: page };
});
const survey = surveyAddress(location.hash);

const host = document.getElementById('root');
if (host === null) throw new Error('index.html has no element #root');
createRoot(host).render(
  <StrictMode>
    <ErrorBoundary>
      {survey === null ? (
        <App />
      ) : (
        <Suspense fallback={null}>
          <RespondentApp link={survey} />
        </Suspense>
      )}
    </ErrorBoundary>
  </StrictMode>,
);

if (survey === null) void start().catch((error: unknown) => failEngine(reportError(error)));

// Another link, pasted into this tab, may be for the other of the two.
window.addEventListener('hashchange', ({ newURL }) => {
  const { hash } = new URL(newURL);
  if (surveyAddress(hash) === survey) return;
  location.hash = hash;
  location.reload();
});

/** Brings up the page that the address asks for, then the engine and its model. */
async function start(): Promise<void> {
  if (missingFeature(browserFeatures()) !== null) return;
  engineClient().onFatal(failEngine);
  engineClient().onLife((report) => void hearEngine(report));
  offerScripting();
  listenToRuns();
  keepPromptDraft();
  await refreshRuns();
  watchOtherTabs();
  await syncAddress();
  await prepareModel();
}
