import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { reportError } from './lib/errors.ts';
import { syncAddress } from './state/address.ts';
import { browserFeatures, missingFeature } from './state/capabilities.ts';
import { failEngine } from './state/engine.ts';
import { engineClient } from './state/engineClient.ts';
import { prepareModel } from './state/modelChoice.ts';
import { watchOtherTabs } from './state/otherTabs.ts';
import { keepPromptDraft } from './state/prompts.ts';
import { listenToRuns, refreshRuns } from './state/runActions.ts';
import { offerScripting } from './state/scripting.ts';
import { restoreTheme } from './state/theme.ts';
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
