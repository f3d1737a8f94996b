/** The one engine of the page, started when first needed. */
import { EngineClient } from '../../engine/client.ts';

let client: EngineClient | null = null;

export function engineClient(): EngineClient {
  client ??= new EngineClient();
  return client;
}

/** Ends the engine, so that the next use starts a fresh one. */
export function disposeEngine(): void {
  client?.dispose();
  client = null;
}
