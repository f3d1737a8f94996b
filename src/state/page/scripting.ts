/**
 * For the browser's console and for scripts that drive the page: the engine's requests under `window.miTune`, e.g.
 * `await miTune.call('stored', {})`. What they change shows on the page after its next own request.
 */
import { engineClient } from './engineClient.ts';

declare global {
  interface Window {
    miTune?: Pick<ReturnType<typeof engineClient>, 'call' | 'onEvent'>;
  }
}

export function offerScripting(): void {
  window.miTune = {
    call: (name, args, options) => engineClient().call(name, args, options),
    onEvent: (listener) => engineClient().onEvent(listener),
  };
}
