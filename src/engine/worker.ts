/** Entry of the engine's worker, and of those that it starts to draw beside it. */
import { restrictScripts } from '../lib/trustedTypes.ts';
import { DRAWER, serveDrawing } from './drawer.ts';
import { serveRequests } from './serveRequests.ts';

// For the threads of wasm, and for drawers.
restrictScripts();

const scope = self as unknown as DedicatedWorkerGlobalScope;

if (scope.name === DRAWER) serveDrawing(scope);
else serveRequests(scope, () => new Worker(scope.location.href, { type: 'module', name: DRAWER }));
