import { useCallback, useSyncExternalStore } from 'react';
import type { PixelImage } from '../../contract/events.ts';
import type { ImageRef } from '../../contract/protocol.ts';
import { imageKey, peekImage, watchImage } from '../../state/run/images.ts';
import styles from './Picture.module.css';

/** An empty `alt` is for images whose surroundings name them already. */
type PictureProps = { readonly image: PixelImage | null; readonly alt: string; readonly crisp?: boolean };

/** Pixels on a canvas. Fills the width it is given; `crisp` keeps pixels square when enlarged. */
export function Picture({ image, alt, crisp = false }: PictureProps) {
  const paint = useCallback(
    (canvas: HTMLCanvasElement | null) => {
      if (canvas === null || image === null) return;
      canvas.width = image.width;
      canvas.height = image.height;
      const pixels = new ImageData(new Uint8ClampedArray(image.rgba), image.width, image.height);
      canvas.getContext('2d')?.putImageData(pixels, 0, 0);
    },
    [image],
  );
  const spoken =
    alt === '' ? ({ 'aria-hidden': true } as const) : ({ role: 'img', 'aria-label': alt } as const);
  if (image === null) return <span className={styles.waiting} {...spoken} />;
  return <canvas ref={paint} className={styles.picture} data-crisp={crisp} {...spoken} />;
}

/** A candidate's image, from memory or from the engine. */
export function CandidatePicture({
  at,
  alt,
  crisp,
}: {
  readonly at: ImageRef;
  readonly alt: string;
  readonly crisp?: boolean;
}) {
  const key = imageKey(at);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the reference
  const subscribe = useCallback((listener: () => void) => watchImage(at, listener), [key]);
  const image = useSyncExternalStore(subscribe, () => peekImage(at));
  return <Picture image={image} alt={alt} {...(crisp === undefined ? {} : { crisp })} />;
}
