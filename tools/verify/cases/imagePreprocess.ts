// The three ways from a picture to the numbers that a network reads.

import * as v from 'valibot';
import type { RgbImage } from '../../../src/formats/png.ts';
import type { SafetensorsFile } from '../../../src/formats/safetensors.ts';
import { resizeBicubic } from '../../../src/metrics/images/pillow.ts';
import { blipPixels, clipPixels, hpsPixels } from '../../../src/metrics/images/preprocess.ts';
import type { Pixels } from '../../../src/metrics/vision/run.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, type Tolerance, tolerancesOf } from '../report.ts';
import { shapeOf } from '../tensors.ts';

const statistics = v.looseObject({ mean: v.array(v.number()), mean_square: v.array(v.number()) });
const schema = v.looseObject({
  io: v.string(),
  images: v.array(
    v.looseObject({
      id: v.string(),
      height: v.number(),
      width: v.number(),
      formula: v.optional(v.string()),
      channel_statistics: v.optional(v.record(v.string(), statistics), {}),
    }),
  ),
  tolerance_hps_tensor_resize: v.looseObject({ atol: v.number() }),
});

/** The only formula of images that the format knows. */
const FORMULA = 'pixel(x,y,c) = (7x + 13y + 29c + 5*((x*y) mod 31)) mod 256, c = 0 red, 1 green, 2 blue';

const PIPELINES: Readonly<Record<string, (image: RgbImage, size: number) => Pixels>> = {
  blip: blipPixels,
  clip: clipPixels,
  hps_antialias: (image, size) => hpsPixels(image, size, { antialias: true }),
  hps_no_antialias: (image, size) => hpsPixels(image, size, { antialias: false }),
};

export async function runImagePreprocess(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const file = await io.safetensors(asked.io);
  const exact = tolerancesOf(entry, ['atol'], ['rtol']);
  for (const { id, height, width, formula, channel_statistics } of asked.images) {
    const rgb =
      formula === undefined
        ? Uint8Array.from(await file.readF32(`${id}.image`))
        : drawFormula(formula, height, width);
    const image = { rgb, height, width };
    for (const name of file.entries.keys()) {
      const [, pipeline = '', size, step = '1'] =
        /^\.([a-z_0-9]+)\.(\d+)(?:\.every_(\d+)th)?$/.exec(
          name.startsWith(`${id}.`) ? name.slice(id.length) : '',
        ) ?? [];
      if (size === undefined) continue;
      if (pipeline === 'blip_resized_uint8') {
        const resized = resizeBicubic(image, Number(size), Number(size));
        report.equal(id, `${pipeline}.${size}`, [...resized.rgb], [...(await file.readF32(name))]);
        continue;
      }
      const pixels = PIPELINES[pipeline]?.(image, Number(size));
      if (pixels === undefined) {
        report.fail(id, name, 'no such pipeline');
        continue;
      }
      const tolerance = pipeline.startsWith('hps') ? asked.tolerance_hps_tensor_resize : exact;
      await compare(
        report,
        { id, quantity: `${pipeline}.${size}`, file, name, step: Number(step) },
        pixels,
        tolerance,
      );
      const known = channel_statistics[`${pipeline}.${size}`];
      if (known !== undefined) compareStatistics(report, id, `${pipeline}.${size}`, pixels, known, tolerance);
    }
  }
}

type Stored = { id: string; quantity: string; file: SafetensorsFile; name: string; step: number };

async function compare(report: Report, stored: Stored, pixels: Pixels, tolerance: Tolerance): Promise<void> {
  const { id, quantity, file, name, step } = stored;
  const shape = [3, Math.ceil(pixels.height / step), Math.ceil(pixels.width / step)];
  report.equal(id, `${quantity} shape`, shape, shapeOf(file, name));
  const { values, height, width } = pixels;
  const sampled = values.filter((_, i) => {
    const [y, x] = [Math.floor(i / width) % height, i % width];
    return y % step === 0 && x % step === 0;
  });
  report.close(id, quantity, sampled, await file.readF32(name), tolerance);
}

function compareStatistics(
  report: Report,
  id: string,
  quantity: string,
  { values, height, width }: Pixels,
  known: v.InferOutput<typeof statistics>,
  tolerance: Tolerance,
): void {
  const area = height * width;
  const planes = [0, 1, 2].map((c) => values.subarray(c * area, (c + 1) * area));
  const mean = (f: (x: number) => number): number[] =>
    planes.map((plane) => plane.reduce((sum, x) => sum + f(x), 0) / area);
  report.close(
    id,
    `${quantity} mean`,
    mean((x) => x),
    known.mean,
    tolerance,
  );
  report.close(
    id,
    `${quantity} mean square`,
    mean((x) => x * x),
    known.mean_square,
    tolerance,
  );
}

function drawFormula(formula: string, height: number, width: number): Uint8Array {
  if (formula !== FORMULA) throw new Error(`The formula "${formula}" is not known.`);
  const rgb = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        rgb[3 * (y * width + x) + c] = (7 * x + 13 * y + 29 * c + 5 * ((x * y) % 31)) % 256;
      }
    }
  }
  return rgb;
}
