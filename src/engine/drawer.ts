/** A worker that draws images for the engine's: it has a copy of the UNet and nothing else of the model. */
import { disposeAdapter } from '../adapters/adapter.ts';
import { type AdapterState, restoreAdapter } from '../adapters/state.ts';
import { unetAdapterTargets } from '../adapters/targets.ts';
import type { WasmPaths } from '../contract/backend.ts';
import { createScheduler } from '../diffusion/createScheduler.ts';
import { guideAndMeasure } from '../diffusion/guidance.ts';
import type { Unet } from '../models/unet/run.ts';
import { loadUnet, type UnetCopy } from '../models/unetCopy.ts';
import type { AllRows, DrawnRows, RowsRequest, StoppedRow } from '../procedures/drawCrew.ts';
import { drawRows } from '../procedures/drawRows.ts';
import { borrowAdapter, type Tuned } from '../procedures/tuned.ts';
import { openBackend } from '../tensor/device.ts';
import { type Tensor3D, tf } from '../tensor/tf.ts';
import { restoreWasmForms } from '../tensor/wasm/forms.ts';

/** Name of the workers that draw. */
export const DRAWER = 'drawer';

/** What a drawer is told: first the model, then what to draw, one after the other. */
export type DrawerOrder =
  | {
      readonly kind: 'model';
      readonly wasmPaths: WasmPaths;
      /** Forms of the kernels that the engine uses, as recorded with a run. */
      readonly kernels: Readonly<Record<string, string>>;
      readonly unet: UnetCopy;
    }
  /** Draws with this adapter from now on. */
  | { readonly kind: 'adapter'; readonly state: AdapterState | null }
  | { readonly kind: 'draw'; readonly request: RowsRequest };

/**
 * What a drawer reports. `failed`: the engine then draws the same images itself, and meets the error itself if there is
 * one.
 */
export type DrawerNews =
  | { readonly kind: 'steps'; readonly done: number }
  | { readonly kind: 'drawn'; readonly rows: AllRows }
  | { readonly kind: 'failed' };

/** Carries out orders one after the other, for as long as the worker lives. */
export function serveDrawing(worker: DedicatedWorkerGlobalScope): void {
  let unet: Unet | null = null;
  let tuned: Tuned | null = null;
  let before: Promise<unknown> = Promise.resolve();
  const post = (news: DrawerNews): void => worker.postMessage(news);

  async function obey(order: DrawerOrder): Promise<void> {
    if (order.kind === 'model') {
      await openBackend('wasm', { wasmPaths: order.wasmPaths, threads: 1 });
      restoreWasmForms(order.kernels);
      unet = await loadUnet(order.unet);
      return;
    }
    if (unet === null) throw new Error('There is no model to draw with.');
    if (order.kind === 'adapter') {
      tuned?.dispose();
      if (tuned !== null) disposeAdapter(tuned.adapter);
      tuned =
        order.state === null ? null : borrowAdapter(restoreAdapter(order.state, unetAdapterTargets(unet)));
      return;
    }
    const rows = await draw({ unet, tuned }, order.request, (done) => post({ kind: 'steps', done }));
    post({ kind: 'drawn', rows });
  }

  worker.onmessage = ({ data }: MessageEvent<DrawerOrder>) => {
    before = before.then(() => obey(data)).catch(() => post({ kind: 'failed' }));
  };
}

async function draw(
  { unet, tuned }: { readonly unet: Unet; readonly tuned: Tuned | null },
  request: RowsRequest,
  onSteps: (done: number) => void,
): Promise<AllRows> {
  const { scheduler, guidance, ...asked } = request;
  const drawn: DrawnRows[] = [];
  let stopped: readonly StoppedRow[] = [];
  const batches = drawRows({
    ...asked,
    scheduler: createScheduler(scheduler.config, scheduler.steps),
    open: async (rows) => {
      const contexts = request.contexts.map((values) => contextRows(values, request.contextShape, rows));
      return {
        denoiser: { unet, adapter: tuned?.project ?? null },
        combine: guideAndMeasure(guidance),
        contexts,
        dispose: () => tf.dispose(contexts),
      };
    },
    onSteps,
    onStopped: async (rows) => {
      stopped = rows;
    },
  });
  for await (const rows of batches) drawn.push(rows);
  return { drawn, stopped };
}

/** Rows of embeddings [N, L, D]. */
function contextRows(
  values: Float32Array,
  [, length, width]: RowsRequest['contextShape'],
  rows: readonly number[],
): Tensor3D {
  const size = length * width;
  const own = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) own.set(values.subarray(row * size, (row + 1) * size), i * size);
  return tf.tensor3d(own, [rows.length, length, width]);
}
