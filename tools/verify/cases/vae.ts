// AutoencoderKL: moments, the sampled latent, both decodings and the bytes of the picture.

import * as v from 'valibot';
import { toByte } from '../../../src/models/vae/pixels.ts';
import { decode, encode, encodeMoments } from '../../../src/models/vae/run.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { loadVae } from '../models.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';
import { readImage, takeImage } from '../tensors.ts';

const schema = v.looseObject({
  config: v.string(),
  weights: v.string(),
  io: v.string(),
  cases: v.array(v.looseObject({ id: v.string() })),
});

export async function runVae(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const { model: vae, dispose } = await loadVae(io, asked);
  const file = await io.safetensors(asked.io);
  const { scalingFactor } = vae.config;
  try {
    for (const { id } of asked.cases) {
      const check = async (quantity: string, values: Float32Array): Promise<void> => {
        if (!file.entries.has(`${id}.${quantity}`)) return;
        report.close(id, quantity, values, await file.readF32(`${id}.${quantity}`), tolerance);
      };
      const image = await readImage(file, `${id}.image`);
      const noise = await readImage(file, `${id}.noise`);
      await check('moments', await takeImage(encodeMoments(vae, image)));
      const { mean, logvar } = encode(vae, image);
      const std = tf.tidy(() => tf.exp(tf.mul(logvar, 0.5)));
      const sample = tf.tidy(() => tf.add(mean, tf.mul(std, noise)));
      const sampleScaled = tf.mul(sample, scalingFactor);
      const unscaled = tf.div(sampleScaled, scalingFactor);
      const latent = await readImage(file, `${id}.latent_in`);
      await check('recon_from_mean', await takeImage(decode(vae, mean)));
      await check('decoded_from_scaled_sample', await takeImage(decode(vae, unscaled as typeof mean)));
      await check('mean', await takeImage(mean));
      await check('logvar', await takeImage(logvar));
      await check('std', await takeImage(std as typeof mean));
      await check('sample', await takeImage(sample as typeof mean));
      await check('sample_scaled', await takeImage(sampleScaled as typeof mean));
      const decoded = decode(vae, latent);
      const values = (await decoded.data()) as Float32Array;
      const bytes = `${id}.decoded_uint8_NHWC_as_i32`;
      if (file.entries.has(bytes)) {
        // A value within rounding of the border between two bytes may fall on either side.
        report.close(id, 'bytes', Float32Array.from(values, toByte), await file.readF32(bytes), { atol: 1 });
      }
      await check('decoded', await takeImage(decoded));
      for (const tensor of [image, noise, unscaled, latent]) tensor.dispose();
    }
  } finally {
    dispose();
  }
}
