/** OWL-ViT as a meter of places: it looks for the two objects of a prompt, and UniDet's rule judges where they are. */
import type { PixelImage } from '../../contract/events.ts';
import { heldInUse } from '../../models/part.ts';
import type { ClipTokenizer } from '../../models/text/tokenizer.ts';
import { tf } from '../../tensor/tf.ts';
import { textRows } from '../clip/textRows.ts';
import type { Meter, Metric } from '../metric.ts';
import { forRule } from '../spatial/coco.ts';
import { type AskedPlaces, askedPlaces } from '../spatial/promptObjects.ts';
import { type Detection, labelOf, scoreSpatial } from '../spatial/unidetRule.ts';
import type { Pixels } from '../vision/run.ts';
import { detectionsOf, OWL_CONFIDENCE } from './detect.ts';
import type { Owl } from './load.ts';
import { classLogits, patchBoxes, patchFeatures } from './run.ts';

/** @param pixelsOf the preparation of pictures that the detector was trained with */
export function owlMeter(
  metric: Metric,
  owl: Owl,
  tokenizer: ClipTokenizer,
  pixelsOf: (image: PixelImage, size: number) => Pixels,
): Meter {
  const queries = textRows(owl, tokenizer);
  const network = heldInUse(owl.parts.picture);
  const encode = (labels: readonly string[]): Promise<void> => queries.prepare(labels.map(queryOf));
  const detect = async (image: PixelImage, labels: readonly string[]): Promise<Detection[]> => {
    await encode(labels);
    await network.use();
    const pixels = pixelsOf(image, owl.config.vision.imageSize);
    const rows = labels.map((label) => queries.of(queryOf(label)));
    const [logits, boxes] = tf.tidy(() => {
      const features = patchFeatures(owl.picture, pixels);
      const texts = tf.tensor2d(Float32Array.from(rows.flatMap((row) => [...row])), [
        labels.length,
        owl.config.embedWidth,
      ]);
      return [classLogits(owl.picture, features, texts), patchBoxes(owl.picture, features)];
    });
    const numbers = {
      logits: (await logits.data()) as Float32Array,
      boxes: (await boxes.data()) as Float32Array,
    };
    tf.dispose([logits, boxes]);
    return detectionsOf(numbers, labels, image);
  };
  return {
    metric,
    prepare: async (prompts) => {
      const asked = await Promise.all(prompts.map(askedPlaces));
      await encode(asked.flatMap((places) => (places === null ? [] : labelsOf(places))));
    },
    asks: async (prompt) => {
      const places = await askedPlaces(prompt);
      return places === null ? null : labelsOf(places).map(queryOf);
    },
    measure: async (image, prompt) => {
      const places = await askedPlaces(prompt);
      if (places === null) return null;
      const labels = labelsOf(places);
      const detections = await detect(image, labels);
      const counted = forRule(detections, image, OWL_CONFIDENCE);
      const { score, position } = scoreSpatial(prompt, places.words, counted, places);
      return {
        value: score,
        parts: { both: position === null ? 0 : 1, position: position ?? 0 },
        asked: labels.map((label) => ({
          question: queryOf(label),
          probability: detections.find((detection) => detection.label === label)?.score ?? 0,
        })),
      };
    },
    rest: network.rest,
    dispose: () => {
      network.rest();
      owl.dispose();
    },
  };
}

function labelsOf({ objects }: AskedPlaces): string[] {
  return [...new Set(objects.map(labelOf))];
}

/** What is looked for, in the words that CLIP saw most. */
function queryOf(label: string): string {
  return `a photo of a ${label}`;
}
