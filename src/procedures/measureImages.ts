/** Images by metrics, in the memory there is. */
import type { Measured, MetricRecord, PixelImage } from '../contract/events.ts';
import { withDerived } from '../metrics/measure.ts';
import type { Meter } from '../metrics/metric.ts';
import { trimPool } from '../tensor/memory.ts';
import type { Session } from './session.ts';

/** What the metrics say of each image, in the order of the images. */
export async function measureImages(
  session: Session,
  meters: readonly Meter[],
  images: readonly { readonly image: PixelImage; readonly text: string }[],
): Promise<readonly MetricRecord[]> {
  const records = images.map((): Record<string, Measured> => ({}));
  for (const meter of meters) {
    await withMeter(session, meter, async () => {
      for (const [i, { image, text }] of images.entries()) {
        const measured = await meter.measure(image, text);
        if (measured !== null) (records[i] as Record<string, Measured>)[meter.metric.name] = measured;
      }
    });
  }
  return Promise.all(records.map((record, i) => withDerived(record, images[i]?.text ?? '')));
}

/**
 * Work with one metric. Where memory is short its network has the device without the UNet, which comes back after it, and
 * leaves again itself.
 */
export async function withMeter<T>(
  { model, policy }: Session,
  meter: Meter,
  work: () => Promise<T>,
): Promise<T> {
  if (policy.decodeAtOnce || meter.metric.network === null) return work();
  const { unet } = model.parts;
  unet.leave();
  trimPool();
  try {
    return await work();
  } finally {
    meter.rest();
    trimPool();
    await unet.load();
  }
}
