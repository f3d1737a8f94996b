// The built-in model, from prompts to files and back.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobEvent, PixelImage } from '../../../src/contract/events.ts';
import { parseImageFolder } from '../../../src/formats/imageFolder.ts';
import { decodePng } from '../../../src/formats/png.ts';
import { readPngText, STUDIO_KEYWORD } from '../../../src/formats/pngText.ts';
import { openSafetensors } from '../../../src/formats/safetensors.ts';
import { unzipAll } from '../../../src/formats/zip.ts';
import { bytesSource } from '../../../src/lib/bytes.ts';
import { scoreImage } from '../../../src/shapes/score.ts';
import { openStudio, type Studio } from './studio.ts';

const PROMPTS = ['a red circle', 'a blue square', 'a red circle above a blue square'] as const;

describe('the shapes model', () => {
  let studio: Studio;
  let runId: string;
  let events: JobEvent[];
  beforeAll(async () => {
    studio = await openStudio('wasm');
    runId = await studio.create({
      model: { kind: 'url', base: 'models/shapes-2/' },
      prompts: PROMPTS,
      sampling: { steps: 6, batch: 2, guidance: 4 },
      selection: { candidates: 2 },
      training: { iterations: 2, batch: 2, validationShare: 0, checkpointEvery: 2, previewEvery: 2 },
    });
    events = await studio.run(runId);
  });
  afterAll(() => studio.dispose());

  it('shows every candidate as an image with its exact score', () => {
    const shown = events.flatMap((e) =>
      e.type === 'candidates' ? e.records.map((r, i) => [r, e.images[i] as PixelImage] as const) : [],
    );
    expect(shown).toHaveLength(6);
    for (const [record, image] of shown) {
      expect(image).toMatchObject({ width: 64, height: 64 });
      const rgb = image.rgba.filter((_, i) => i % 4 !== 3);
      const found = scoreImage(Uint8Array.from(rgb), PROMPTS[record.prompt] as string);
      expect(record.metrics).toEqual({
        exact: { value: found?.share, parts: { strict: Number(found?.strict) } },
      });
    }
    const previews = events.flatMap((e) => (e.type === 'preview' ? [e.preview.step] : []));
    expect(previews).toEqual([0, 2]);
  });

  it('says that it can be scored, and what it is', async () => {
    const report = await studio.client.call('loadModel', { ref: { kind: 'url', base: 'models/shapes-2/' } });
    expect(report).toMatchObject({ imageSize: 64, maxTokens: 32, prediction: 'epsilon', shapesWorld: true });
    expect(report.adapterTargets).toBe(7 * 8);
  });

  it('hands out its set as an image folder', async () => {
    const { bytes } = await studio.client.call('exportSet', { runId, round: 0 });
    const limits = { maxEntries: 10, maxEntryBytes: 1e6, maxTotalBytes: 1e7 };
    const files = await unzipAll(bytesSource(bytes, 'set.zip'), limits);
    const metadata = new TextDecoder().decode(files.get('metadata.jsonl'));
    const rows = parseImageFolder('metadata.jsonl', metadata);
    expect(rows.map((row) => row.text)).toEqual([...PROMPTS]);
    const { candidates, selections } = await studio.state(runId);
    for (const [i, { fileName }] of rows.entries()) {
      const png = files.get(fileName) as Uint8Array;
      expect(await decodePng(png, fileName)).toMatchObject({ width: 64, height: 64 });
      const settings = JSON.parse((await readPngText(png, fileName)).get(STUDIO_KEYWORD) as string);
      const pick = selections[0]?.picks[i];
      const record = candidates.find((c) => c.prompt === pick?.prompt && c.candidate === pick.candidate);
      expect(settings).toMatchObject({ prompt: PROMPTS[i], seed: record?.seed, score: record?.score });
    }
  });

  it('loads its adapter back and draws the same images with it', async () => {
    const exported = await studio.client.call('exportAdapter', { runId, which: 'last' });
    const file = await openSafetensors(bytesSource(exported.bytes.slice(), exported.name));
    expect(file.metadata.lora_adapter_metadata).toContain('"unet.use_dora": true');
    expect(file.entries.size).toBe(3 * 7 * 8);
    const imported = await studio.client.call('importAdapter', exported);
    expect(imported).toMatchObject({ kind: 'dora', rank: 2, targets: 7 * 8, textEncoder: false });
    const request = { prompts: PROMPTS.slice(0, 1), seeds: [1, 2], steps: 3, guidance: 4 };
    const keepWith = { runId, round: 0, version: 0 };
    const excited = { name: 'semantic-guidance', options: {} };
    const { comparison: compared, kept } = await studio.client.call('compare', {
      ...request,
      columns: [
        { adapter: null },
        { adapter: `run:${runId}` },
        { adapter: imported.id },
        { adapter: imported.id, drawnBy: excited },
      ],
      keepWith,
    });
    expect(compared.rows.map(({ seed }) => seed)).toEqual([1, 2]);
    for (const { images } of compared.rows) {
      const [base, trained, loaded, ruled] = images;
      expect(loaded).toEqual(trained);
      expect(trained?.score).not.toBe(base?.score);
      expect(ruled?.image).not.toEqual(loaded?.image);
    }
    expect(compared.columns.map(({ evaluations }) => evaluations)).toEqual([6, 6, 6, 6]);
    expect(Math.min(...compared.columns.map(({ secondsPerImage }) => secondsPerImage))).toBeGreaterThan(0);
    // Kept with the run's results, and nowhere else.
    expect(kept).toBe(true);
    expect(await studio.client.call('comparison', null)).toBeNull();
    expect(await studio.client.call('comparison', keepWith)).toEqual(compared);
    expect(await studio.client.call('comparison', { ...keepWith, version: 1 })).toBeNull();
  });

  it('reports what was asked, measured and chosen', async () => {
    const { bytes } = await studio.client.call('exportReport', { runId });
    const report = JSON.parse(new TextDecoder().decode(bytes));
    expect(report).toMatchObject({
      format: 'mi-tune-report-1',
      config: { seed: 7 },
      backend: { name: 'wasm' },
    });
    expect(report.candidates).toHaveLength(6);
    expect(report.candidates.filter((c: { selected: boolean }) => c.selected)).toHaveLength(3);
    expect(report.candidates[0].trace.squaredDifference).toHaveLength(6);
    expect(report.training.steps.map((s: { step: number }) => s.step)).toEqual([1, 2]);
    const csv = await studio.client.call('exportScores', { runId });
    expect(new TextDecoder().decode(csv.bytes).trim().split(/\r?\n/)).toHaveLength(7);
  });

  it('refuses what cannot be done, and says why', async () => {
    const fresh = await studio.create({ model: { kind: 'url', base: 'models/shapes-2/' } });
    const call = studio.client.call.bind(studio.client);
    const other = await studio.create({ model: { kind: 'url', base: 'models/other/' } });
    await expect(call('exportAdapter', { runId: other, which: 'best' })).rejects.toMatchObject({
      code: 'model-other',
    });
    await expect(call('exportAdapter', { runId: fresh, which: 'best' })).rejects.toMatchObject({
      code: 'adapter-missing',
    });
    await expect(call('exportSet', { runId: fresh, round: 0 })).rejects.toMatchObject({
      code: 'selection-missing',
    });
    await expect(call('loadModel', { ref: { kind: 'url', base: 'ftp://x' } })).rejects.toMatchObject({
      code: 'model-address-invalid',
    });
    const nowhere = { kind: 'url', base: 'models/none/' } as const;
    await expect(call('loadModel', { ref: nowhere })).rejects.toBeInstanceOf(Error);
    const empty = await studio.create({ prompts: [] });
    await expect(studio.run(empty)).rejects.toMatchObject({ code: 'prompts-empty' });
    expect((await studio.state(empty)).summary.status).toBe('failed');
    const first = studio.runUntilEvent(fresh, (e) => e.type === 'candidates');
    await expect(call('run', { runId, until: 'done' })).rejects.toMatchObject({ code: 'engine-busy' });
    await expect(call('deleteRun', { runId: fresh })).rejects.toMatchObject({ code: 'run-busy' });
    await first;
  });
});
