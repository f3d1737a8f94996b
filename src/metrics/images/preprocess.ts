/** Pictures as each metric's own code prepares them. All give [1, 3, H, W], normalized by CLIP's means and deviations. */
import type { RgbImage } from '../../formats/png.ts';
import type { Pixels } from '../vision/run.ts';
import { resizeBicubic } from './pillow.ts';
import { type Planes, resizePlanes } from './torchResize.ts';

const MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const STD = [0.26862954, 0.26130258, 0.27577711] as const;

/** BLIP, and OWL-ViT in transformers: squeezed to a square, nothing cut off. */
export function blipPixels(image: RgbImage, size: number): Pixels {
  return normalized(toPlanes(resizeBicubic(image, size, size)));
}

/**
 * CLIP (openai/CLIP `_transform`): the shorter side to `size`, then the middle square. Its offset is rounded half to even
 * by torchvision, and down by transformers' processor.
 */
export function clipPixels(
  image: RgbImage,
  size: number,
  { crop = 'torchvision' }: { readonly crop?: 'torchvision' | 'transformers' } = {},
): Pixels {
  const shorter = Math.min(image.height, image.width);
  const side = (length: number): number =>
    length === shorter ? size : Math.trunc((size * length) / shorter);
  const resized = resizeBicubic(image, side(image.height), side(image.width));
  const offset = (length: number): number =>
    crop === 'torchvision' ? roundHalfEven((length - size) / 2) : Math.floor((length - size) / 2);
  const [top, left] = [offset(resized.height), offset(resized.width)];
  const rgb = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    const from = 3 * ((top + y) * resized.width + left);
    rgb.set(resized.rgb.subarray(from, from + 3 * size), 3 * y * size);
  }
  return normalized(toPlanes({ rgb, height: size, width: size }));
}

/**
 * HPS v2 (HPSv2 `ResizeMaxSize`): the longer side to `size` on floats, zeros around, normalized after that. A picture whose
 * longer side is `size` already is neither resized nor padded, so that it may stay oblong.
 */
export function hpsPixels(
  image: RgbImage,
  size: number,
  options: { readonly antialias: boolean } = { antialias: true },
): Pixels {
  const planes = toPlanes(image);
  const longer = Math.max(image.height, image.width);
  if (longer === size) return normalized(planes);
  const side = (length: number): number => roundHalfEven((length * size) / longer);
  const resized = resizePlanes(planes, side(image.height), side(image.width), options);
  return normalized(padded(resized, size));
}

function padded({ values, channels, height, width }: Planes, size: number): Planes {
  const out = new Float32Array(channels * size * size);
  const [top, left] = [Math.floor((size - height) / 2), Math.floor((size - width) / 2)];
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const from = (c * height + y) * width;
      out.set(values.subarray(from, from + width), (c * size + top + y) * size + left);
    }
  }
  return { values: out, channels, height: size, width: size };
}

/** Bytes to [0, 1], a plane a channel. */
function toPlanes({ rgb, height, width }: RgbImage): Planes {
  const values = new Float32Array(rgb.length);
  const area = height * width;
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) values[c * area + i] = (rgb[3 * i + c] as number) / 255;
  }
  return { values, channels: 3, height, width };
}

function normalized({ values, height, width }: Planes): Pixels {
  const area = height * width;
  const out = values.map((x, i) => {
    const c = Math.floor(i / area);
    return (x - (MEAN[c] as number)) / (STD[c] as number);
  });
  return { values: out, count: 1, height, width };
}

/** Python's `round`. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
