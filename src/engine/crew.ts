/** Workers that draw beside the engine's on the processor's other cores. */
import type { Adapter } from '../adapters/adapter.ts';
import { saveAdapterState } from '../adapters/state.ts';
import { type BackendInfo, drawingCores, type WasmPaths } from '../contract/backend.ts';
import { copyUnet } from '../models/unetCopy.ts';
import type { AllRows, DrawCrew, Drawer, RowsRequest } from '../procedures/drawCrew.ts';
import type { Session } from '../procedures/session.ts';
import { computeAlone } from '../tensor/wasm/kernels.ts';
import type { DrawerNews, DrawerOrder } from './drawer.ts';
import { kernelsInUse } from './kernels.ts';

export type CrewOptions = {
  readonly session: Session;
  /** Drawers at most. */
  readonly size: number;
  /** Starts a worker that serves as a drawer. */
  readonly start: () => Worker;
  readonly model: Omit<Extract<DrawerOrder, { kind: 'model' }>, 'kind' | 'unet'>;
};

/** A crew, if the backend has cores to spare and the model is small enough to be copied; else null. */
export function openCrew(
  session: Session,
  backend: BackendInfo,
  { wasmPaths, startDrawer }: { readonly wasmPaths: WasmPaths; readonly startDrawer: CrewOptions['start'] },
): Crew | null {
  const cores = drawingCores(backend, session.model.sizeBytes);
  if (cores < 2) return null;
  const model = { wasmPaths, kernels: kernelsInUse(backend) };
  return new Crew({ session, size: cores - 1, start: startDrawer, model });
}

/** Images times steps, some seconds of work for the shapes model; a drawer needs about a second to begin. */
const WORTH_HIRING = 1500;

/** A drawer that says nothing for so long is given up. */
const SILENT_MS = 60_000;

/** Starts drawers when there is work for them, with the model and the kernels as they are then. */
export class Crew implements DrawCrew {
  readonly #options: CrewOptions;
  #members: readonly Member[] = [];
  /** How many there are to be. */
  #places: number;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#places = options.size;
  }

  hire(steps: number): readonly Drawer[] {
    if (steps < WORTH_HIRING) return [];
    // A drawer that ended after it had drawn is replaced; where one never could, another would not either.
    this.#places -= this.#members.filter(({ isGone, hasDrawn }) => isGone && !hasDrawn).length;
    const staying = this.#members.filter(({ isGone }) => !isGone);
    this.#members = [...staying, ...this.#start(this.#places - staying.length)];
    if (this.#members.length > 0) computeAlone(true);
    return this.#members;
  }

  #start(count: number): readonly Member[] {
    if (count === 0) return [];
    const { session, model, start } = this.#options;
    const order = copyUnet(session.model).then((unet) => ({ kind: 'model' as const, ...model, unet }));
    const onEnd = (): void => {
      // The other cores are the engine's own threads' again.
      if (this.#members.every(({ isGone }) => isGone)) computeAlone(false);
    };
    return Array.from({ length: count }, () => new Member(start(), order, onEnd));
  }

  release(): void {
    computeAlone(false);
  }

  /** Ends the workers. */
  close(): void {
    for (const member of this.#members) member.end();
    this.#members = [];
  }
}

class Member implements Drawer {
  readonly #worker: Worker;
  readonly #ready: Promise<void>;
  readonly #onEnd: () => void;
  /** What it draws with. */
  #adapter: Adapter | null = null;
  isGone = false;
  /** At least once. */
  hasDrawn = false;

  constructor(worker: Worker, order: Promise<DrawerOrder>, onEnd: () => void) {
    this.#worker = worker;
    this.#onEnd = onEnd;
    this.#ready = order.then((model) => this.#post(model));
    // A failure is reported by `draw`, which waits for this.
    this.#ready.catch(() => undefined);
  }

  async draw(
    request: RowsRequest,
    adapter: Adapter | null,
    options: Parameters<Drawer['draw']>[2],
  ): Promise<AllRows | null> {
    if (this.isGone) return null;
    try {
      await this.#ready;
      if (adapter !== this.#adapter) {
        this.#post({ kind: 'adapter', state: adapter === null ? null : await unetState(adapter) });
        this.#adapter = adapter;
      }
      const rows = await this.#ask(request, options);
      if (rows === null) this.end();
      else this.hasDrawn = true;
      return rows;
    } catch {
      this.end();
      return null;
    }
  }

  end(): void {
    this.isGone = true;
    this.#worker.terminate();
    this.#onEnd();
  }

  #post(order: DrawerOrder): void {
    this.#worker.postMessage(order);
  }

  #ask(request: RowsRequest, { signal, onSteps }: Parameters<Drawer['draw']>[2]): Promise<AllRows | null> {
    return new Promise((resolve) => {
      const settle = (rows: AllRows | null): void => {
        clearTimeout(silence);
        signal.removeEventListener('abort', fail);
        resolve(rows);
      };
      const fail = (): void => settle(null);
      let silence = setTimeout(fail, SILENT_MS);
      signal.addEventListener('abort', fail, { once: true });
      if (signal.aborted) fail();
      this.#worker.onerror = (event) => {
        event.preventDefault();
        fail();
      };
      this.#worker.onmessage = ({ data }: MessageEvent<DrawerNews>) => {
        if (data.kind !== 'steps') return settle(data.kind === 'drawn' ? data.rows : null);
        clearTimeout(silence);
        silence = setTimeout(fail, SILENT_MS);
        onSteps(data.done);
      };
      this.#post({ kind: 'draw', request });
    });
  }
}

const states = new WeakMap<Adapter, ReturnType<typeof saveAdapterState>>();

/** The part of an adapter that a UNet alone has; prompts come encoded. */
function unetState(adapter: Adapter): ReturnType<typeof saveAdapterState> {
  const known = states.get(adapter);
  if (known !== undefined) return known;
  const layers = adapter.layers.filter(({ module }) => module.startsWith('unet.'));
  const state = saveAdapterState({ ...adapter, layers });
  states.set(adapter, state);
  return state;
}
