/** The second score in the page: the CLIP of the shapes world, which comes with the app. */

import { shapesClip } from '../../src/metrics/clipMetrics.ts';
import type { Meter } from '../../src/metrics/metric.ts';
import { openMeter } from '../../src/metrics/openMeter.ts';
import { urlFolder } from '../../src/models/folder.ts';
import { decodeImages } from '../../src/procedures/decodeImages.ts';
import { measureImages } from '../../src/procedures/measureImages.ts';
import type { Session } from '../../src/procedures/session.ts';
import { metricModel } from '../../src/sources/metricModels.ts';
import { floatsFromBase64 } from './base64.ts';
import type { MetricRequest, MetricResult } from './protocol.ts';

let meter: Promise<Meter> | null = null;

/** One number per image. */
export async function scoreAgain(session: Session, { images }: MetricRequest): Promise<MetricResult> {
  meter ??= openShapesClip();
  const decoded = await decodeImages(
    session,
    images.map(({ latent }) => floatsFromBase64(latent)),
  );
  const captioned = decoded.map((image, i) => ({ image, text: images[i]?.text ?? '' }));
  const records = await measureImages(session, [await meter], captioned);
  return { values: records.map((record) => record[shapesClip.name]?.value ?? Number.NaN) };
}

function openShapesClip(): Promise<Meter> {
  const base = metricModel(shapesClip.network.model)?.base;
  const address = new URL(`/${base}`, location.href).href;
  return openMeter(shapesClip, urlFolder(address), { format: 'f32' });
}
