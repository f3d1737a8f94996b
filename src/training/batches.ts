/** Which images, timesteps and noises each optimizer step sees: a function of (seed, step), so nothing has to be stored. */

import type { OptimizerOptions } from '../contract/spec.ts';
import { normals, shuffle, uniformInt } from '../lib/philox.ts';

/** Philox streams; every epoch's order has the stream after the one before. */
const TIMESTEP_STREAM = 0x74000000;
const ORDER_STREAM = 0x6f000000;
const NOISE_STREAM = 0x6e000000;

/** One training sample: which image, at which timestep, and its running number, which its noise follows from. */
export type Sample = { readonly item: number; readonly t: number; readonly serial: number };

/**
 * The micro-batches of one optimizer step over a set of `size` images.
 *
 * Images come in a new random order every epoch. Without `flushAtEpochEnd` batches run across epoch ends, so that all
 * are full; with it, an epoch ends its last batch and its last step early, as the official script's loop does.
 */
export function stepBatches(
  options: Pick<OptimizerOptions, 'batch' | 'accumulation' | 'flushAtEpochEnd'>,
  size: number,
  step: number,
  seed: number,
  trainTimesteps: number,
): readonly (readonly Sample[])[] {
  const { batch, accumulation } = options;
  const orders = new Map<number, number[]>();
  const itemAt = (epoch: number, position: number): number => {
    const order = orders.get(epoch) ?? shuffle(seed, ORDER_STREAM + epoch, size);
    orders.set(epoch, order);
    return order[position] as number;
  };
  const sampleAt = (epoch: number, position: number, serial: number): Sample => ({
    item: itemAt(epoch, position),
    t: uniformInt(seed, TIMESTEP_STREAM, serial, trainTimesteps),
    serial,
  });
  if (!options.flushAtEpochEnd) {
    return Array.from({ length: accumulation }, (_, a) =>
      Array.from({ length: batch }, (__, b) => {
        const serial = (step * accumulation + a) * batch + b;
        return sampleAt(Math.floor(serial / size), serial % size, serial);
      }),
    );
  }
  const batchesPerEpoch = Math.ceil(size / batch);
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / accumulation);
  const epoch = Math.floor(step / stepsPerEpoch);
  const from = (step % stepsPerEpoch) * accumulation;
  const count = Math.min(accumulation, batchesPerEpoch - from);
  return Array.from({ length: count }, (_, a) => {
    const start = (from + a) * batch;
    return Array.from({ length: Math.min(batch, size - start) }, (__, b) =>
      sampleAt(epoch, start + b, epoch * size + start + b),
    );
  });
}

/** Standard normal noise of one sample. */
export function sampleNoise(seed: number, serial: number, count: number): Float32Array {
  return normals(seed, NOISE_STREAM, serial * MAX_LATENT_SIZE, count);
}

/** Counters set aside for one sample's noise: latents of up to 512 x 512 x 4. */
const MAX_LATENT_SIZE = 2 ** 20;
