import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { reportError } from './lib/errors.ts';
import { prepareModel } from './state/model/modelChoice.ts';
import { browserFeatures, missingFeature } from './state/page/capabilities.ts';
import { failEngine } from './state/page/engine.ts';
import { engineClient } from './state/page/engineClient.ts';
import { offerScripting } from './state/page/scripting.ts';
import { restoreTheme } from './state/page/theme.ts';
import { watchOtherTabs } from './state/run/otherTabs.ts';
import { listenToRuns, refreshRuns } from './state/run/runActions.ts';
import { syncAddress } from './state/setup/address.ts';
import { keepPromptDraft } from './state/setup/prompts.ts';
import { App } from './ui/shell/App.tsx';
import { ErrorBoundary } from './ui/shell/ErrorBoundary.tsx';
import './ui/theme.css';

restoreTheme();

const host = document.getElementById('root');
if (host === null) throw new Error('index.html has no element #root');
createRoot(host).render(
  <StrictMode>
    <ErrorBoundary>
      <App />
    </ErrorBoundary>
  </StrictMode>,
);

void start().catch((error: unknown) => failEngine(reportError(error)));

/** Brings up the page that the address asks for, then the engine and its model. */
async function start(): Promise<void> {
  if (missingFeature(browserFeatures()) !== null) return;
  engineClient().onFatal(failEngine);
  offerScripting();
  listenToRuns();
  keepPromptDraft();
  await refreshRuns();
  watchOtherTabs();
  await syncAddress();
  await prepareModel();
}
