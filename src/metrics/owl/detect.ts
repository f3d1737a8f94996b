/** From the numbers of every patch to boxes with names. */
import type { Detection } from '../spatial/unidetRule.ts';

/** Confidence above which transformers keeps a box of OWL-ViT; its sigmoids are far lower than UniDet's scores. */
export const OWL_CONFIDENCE = 0.1;

/** What the heads say of one picture: logits [P, Q], boxes [P, 4] in shares of the picture. */
type PatchNumbers = { readonly logits: Float32Array; readonly boxes: Float32Array };

/**
 * Each patch's box under the text that names it best, the most confident first, in pixels of the picture (transformers'
 * `post_process_object_detection`, which keeps those above a confidence).
 */
export function detectionsOf(
  { logits, boxes }: PatchNumbers,
  labels: readonly string[],
  { height, width }: { readonly height: number; readonly width: number },
): Detection[] {
  const found = Array.from({ length: boxes.length / 4 }, (_, patch): Detection => {
    const row = logits.subarray(patch * labels.length, (patch + 1) * labels.length);
    const best = row.reduce((at, logit, i) => (logit > (row[at] as number) ? i : at), 0);
    const [cx, cy, w, h] = boxes.subarray(4 * patch, 4 * patch + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    return {
      label: labels[best] as string,
      score: 1 / (1 + Math.exp(-(row[best] as number))),
      box: [(cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height],
    };
  });
  return found.sort((a, b) => b.score - a.score);
}
