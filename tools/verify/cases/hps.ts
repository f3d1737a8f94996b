// HPS v2 in open_clip's layout: fused projections, exact gelu, another head width.

import { cosine, imageFeatures, textFeatures, unitRows } from '../../../src/metrics/clip/run.ts';
import { encodePixels, pooledClass } from '../../../src/metrics/vision/run.ts';
import { encodeText, hiddenStates } from '../../../src/models/text/run.ts';
import { openCase } from '../clipCase.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';
import { take, takeCopy } from '../tensors.ts';

/** Ours to the names of the index. */
const INNER = { self_attn: 'attn', mlp: 'mlp' } as const;

export async function runHps(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { clip, ids, pixels, check, score, dispose } = await openCase(entry, io, report);
  try {
    const states = hiddenStates(clip.text.encoder, ids);
    for (const [k, state] of states.entries()) {
      const values = await take(state);
      if (k > 0) await check(`text.blocks.${k - 1}`, values);
    }
    await check('text.ln_final', await take(encodeText(clip.text.encoder, ids)));

    const spied = new Map<string, Promise<Float32Array>>();
    const last = encodePixels(clip.picture.encoder, pixels, (name, state) => {
      spied.set(name, takeCopy(state));
    });
    await check('vision.ln_pre', (await spied.get('ln_pre')) as Float32Array);
    for (let k = 0; k < clip.config.vision.layers; k++) {
      await check(`vision.blocks.${k}`, (await spied.get(`layers.${k}`)) as Float32Array);
      for (const [ours, theirs] of Object.entries(INNER)) {
        const values = (await spied.get(`layers.${k}.${ours}`)) as Float32Array;
        await check(`vision.blocks.${k}.${theirs}`, values);
      }
    }
    await check('vision.ln_post_of_class_token', await take(pooledClass(clip.picture.encoder, last)));
    last.dispose();

    const texts = textFeatures(clip.text, ids);
    const images = imageFeatures(clip.picture, pixels);
    await check('text_features_raw', await take(texts.clone()));
    await check('image_features_raw', await take(images.clone()));
    const [textRows, imageRows] = [await unitRows(texts), await unitRows(images)];
    await check('text_features', Float32Array.from(textRows.flatMap((row) => [...row])));
    await check('image_features', Float32Array.from(imageRows.flatMap((row) => [...row])));
    await score(imageRows.map((image) => textRows.map((text) => cosine(image, text))));
  } finally {
    dispose();
  }
}
