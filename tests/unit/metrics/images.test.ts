// Properties of the resizes; their numbers are held against Pillow and torch by the golden files.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resizeBicubic } from '../../../src/metrics/images/pillow.ts';
import { clipPixels, hpsPixels, roundHalfEven } from '../../../src/metrics/images/preprocess.ts';
import { resizePlanes } from '../../../src/metrics/images/torchResize.ts';
import '../../helpers/toBeAllClose.ts';

const size = fc.integer({ min: 1, max: 40 });

test('a picture of one color stays one color', () => {
  fc.assert(
    fc.property(size, size, size, size, fc.integer({ min: 0, max: 255 }), (h, w, toH, toW, value) => {
      const image = { rgb: new Uint8Array(h * w * 3).fill(value), height: h, width: w };
      const resized = resizeBicubic(image, toH, toW);
      expect(new Set(resized.rgb)).toEqual(new Set([value]));
      const planes = { values: new Float32Array(3 * h * w).fill(value), channels: 3, height: h, width: w };
      for (const antialias of [true, false]) {
        const { values } = resizePlanes(planes, toH, toW, { antialias });
        expect(values).toBeAllClose(new Float32Array(3 * toH * toW).fill(value), { rtol: 1e-6 });
      }
    }),
    { seed: 5, numRuns: 60 },
  );
});

test('CLIP and HPS give squares of the size asked for, whatever comes', () => {
  fc.assert(
    fc.property(size, size, fc.integer({ min: 2, max: 32 }), (height, width, to) => {
      const image = { rgb: new Uint8Array(height * width * 3).fill(90), height, width };
      const clip = clipPixels(image, to);
      expect([clip.height, clip.width, clip.values.length]).toEqual([to, to, 3 * to * to]);
      fc.pre(Math.max(height, width) !== to);
      const hps = hpsPixels(image, to);
      expect([hps.height, hps.width, hps.values.length]).toEqual([to, to, 3 * to * to]);
    }),
    { seed: 6, numRuns: 60 },
  );
});

test('halves are rounded to even, as in Python', () => {
  expect([0.5, 1.5, 2.5, 2.4, 2.6, -1.5, -2.5].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3, -2, -2]);
});
