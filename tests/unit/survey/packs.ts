// Small packs for tests.

import { makeZip } from 'client-zip';
import { encodePng } from '../../../src/formats/png.ts';
import { FORMAT, MANIFEST_NAME, type SurveyManifest } from '../../../src/survey/manifest.ts';

const metricsColumns = ['mi', 'blip', 'hps'];

/** Twenty prompts; every third one was best by all scores in one image. */
export const metricsManifest: SurveyManifest = {
  format: FORMAT,
  campaign: 'metrics',
  title: 'Which images fit?',
  columns: metricsColumns,
  rounds: 10,
  answersTo: null,
  questions: Array.from({ length: 20 }, (_, i) => ({
    category: null,
    prompt: `prompt ${i}`,
    images: Object.fromEntries(
      metricsColumns.map((name) => [name, i % 3 === 0 ? `images/${i}.png` : `images/${i}-${name}.png`]),
    ),
  })),
};

const methods = ['base', 'MI', 'AandE'];

/** Three categories of five prompts, two rounds of each. */
export const methodsManifest: SurveyManifest = {
  ...metricsManifest,
  campaign: 'methods',
  columns: methods,
  rounds: 2,
  questions: ['color', 'shape', 'texture'].flatMap((category) =>
    Array.from({ length: 5 }, (_, i) => ({
      category,
      prompt: `${category} ${i}`,
      images: Object.fromEntries(methods.map((name) => [name, `${category}/${name}/${i}.png`])),
    })),
  ),
};

export async function smallPng(shade: number, width = 2, height = 2): Promise<Uint8Array<ArrayBuffer>> {
  return encodePng(new Uint8Array(width * height * 3).fill(shade), width, height);
}

/** A zip with whatever manifest and files. */
export async function zipOf(manifest: unknown, files: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const text = typeof manifest === 'string' ? manifest : JSON.stringify(manifest);
  const parts = [
    { name: MANIFEST_NAME, input: text },
    ...[...files].map(([name, input]) => ({ name, input: new Uint8Array(input) })),
  ];
  return new Uint8Array(await new Response(makeZip(parts)).arrayBuffer());
}
