/** The one engine of the page, started when first needed. */
import { EngineClient } from '../../engine/client.ts';

let client: EngineClient | null = null;

/** The one engine of this page; the first call starts it. */
export function engineClient(): EngineClient {
  client ??= new EngineClient();
  return client;
}

/** Ends the engine, so that the next use starts a fresh one. */
export function disposeEngine(): void {
  client?.dispose();
  client = null;
}

declare global {
  interface Window {
    miTune?: Pick<ReturnType<typeof engineClient>, 'call' | 'onEvent'>;
  }
}

/**
 * For the browser's console and for scripts that drive the page: the engine's requests under `window.miTune`, e.g.
 * `await miTune.call('stored', {})`. What they change shows on the page after its next own request.
 */
export function offerScripting(): void {
  window.miTune = {
    call: (name, args, options) => engineClient().call(name, args, options),
    onEvent: (listener) => engineClient().onEvent(listener),
  };
}
