// CLIP in transformers' layout: both towers, their features, and the cosine that is the score.

import { cosine, imageFeatures, textFeatures, unitRows } from '../../../src/metrics/clip/run.ts';
import { encodePixels, pooledClass } from '../../../src/metrics/vision/run.ts';
import { encodeText, hiddenStates, pooled } from '../../../src/models/text/run.ts';
import { openCase } from '../clipCase.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';
import { take, takeCopy } from '../tensors.ts';

export async function runClipScore(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { clip, ids, pixels, check, score, dispose } = await openCase(entry, io, report);
  try {
    const states = hiddenStates(clip.text.encoder, ids);
    for (const [k, state] of states.entries()) await check(`text.hidden_states.${k}`, await take(state));
    const lastText = encodeText(clip.text.encoder, ids);
    await check('text.pooler_output', await take(pooled(clip.text.encoder, lastText, ids)));
    await check('text.last_hidden_state', await take(lastText));

    const spied = new Map<string, Promise<Float32Array>>();
    const last = encodePixels(clip.picture.encoder, pixels, (name, state) => {
      spied.set(name, takeCopy(state));
    });
    await check('vision.embeddings', (await spied.get('embeddings')) as Float32Array);
    await check('vision.hidden_states.0', (await spied.get('ln_pre')) as Float32Array);
    for (let k = 0; k < clip.config.vision.layers; k++) {
      await check(`vision.hidden_states.${k + 1}`, (await spied.get(`layers.${k}`)) as Float32Array);
    }
    await check('vision.pooler_output', await take(pooledClass(clip.picture.encoder, last)));
    await check('vision.last_hidden_state', await take(last));

    const texts = textFeatures(clip.text, ids);
    const images = imageFeatures(clip.picture, pixels);
    await check('text_embeds_raw', await take(texts.clone()));
    await check('image_embeds_raw', await take(images.clone()));
    const [textRows, imageRows] = [await unitRows(texts), await unitRows(images)];
    await check('text_embeds', Float32Array.from(textRows.flatMap((row) => [...row])));
    await check('image_embeds', Float32Array.from(imageRows.flatMap((row) => [...row])));
    await score(imageRows.map((image) => textRows.map((text) => cosine(image, text))));
  } finally {
    dispose();
  }
}
