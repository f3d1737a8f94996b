import { submitPending } from './memory.ts';
import { tf, WebGPUBackend } from './tf.ts';

/**
 * Lets messages in and, on webgpu, waits until the GPU has caught up, so that work is not queued far ahead of what
 * can still be paused, and no submission outlives the watchdog. Reads nothing back.
 */
export async function settle(): Promise<void> {
  const backend = tf.backend();
  if (backend instanceof WebGPUBackend) {
    submitPending();
    await backend.device.queue.onSubmittedWorkDone();
    return;
  }
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
