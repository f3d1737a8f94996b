import { describe, expect, test } from 'vitest';
import type { ImportedFile } from '../../../src/storage/importFiles.ts';
import { freshName, startWorker } from './harness.ts';

const file = (path: string, content: string | Uint8Array<ArrayBuffer> = path): ImportedFile => ({
  path,
  file: new Blob([content]),
});
async function picture(type: string): Promise<Uint8Array<ArrayBuffer>> {
  const canvas = new OffscreenCanvas(2, 2);
  canvas.getContext('2d')?.fillRect(0, 0, 1, 1);
  return new Uint8Array(await (await canvas.convertToBlob({ type })).arrayBuffer());
}
const png = await picture('image/png');

const texts = [
  'model_index.json',
  'unet/config.json',
  'vae/config.json',
  'text_encoder/config.json',
  'tokenizer/vocab.json',
  'tokenizer/merges.txt',
  'tokenizer/tokenizer_config.json',
  'scheduler/scheduler_config.json',
];
const weights = [
  'unet/diffusion_pytorch_model.safetensors',
  'vae/diffusion_pytorch_model.safetensors',
  'text_encoder/model.safetensors',
];
const model = (change: (path: string) => string | null = (path) => path, prefix = '') =>
  [...texts, ...weights]
    .map(change)
    .filter((path) => path !== null)
    .map((path) => file(prefix + path, path));

describe('a model folder', () => {
  test('is copied without what is not needed, and read back', async () => {
    const { call } = startWorker();
    const id = freshName();
    const extra = [
      'README.md',
      '.git/config',
      'unet/diffusion_pytorch_model.bin',
      'safety_checker/model.safetensors',
    ];
    const dropped = [...model(undefined, '/sd/'), ...extra.map((path) => file(`/sd/${path}`))];
    const { model: stored, progress } = await call.importModel(id, dropped);
    expect(stored).toMatchObject({ id, name: 'A model', complete: true });
    expect(stored.files.map(({ path }) => path).sort()).toEqual([...texts, ...weights].sort());
    expect(stored.skipped).toEqual(extra.filter((path) => path !== '.git/config'));
    const total = [...texts, ...weights].reduce((sum, path) => sum + path.length, 0);
    expect(stored.sizeBytes).toBe(total);
    expect([progress[0], progress.at(-1)]).toEqual([
      [0, total],
      [total, total],
    ]);
    expect(await call.sizeOf(`models/${id}`)).toBe(total);
    expect(new TextDecoder().decode(await call.readModel(id, 'absent', 'unet/config.json'))).toBe(
      'unet/config.json',
    );
    await expect(call.readModel(id, 'a', 'b')).rejects.toMatchObject({
      code: 'model-file-missing',
      message: expect.stringContaining('a or b'),
    });
    expect((await call.listModels()).find((listed) => listed.id === id)).toEqual(stored);
    await call.deleteModelFolder(id);
    await expect(call.readModel(id, 'unet/config.json')).rejects.toMatchObject({ code: 'model-missing' });
    expect(await call.sizeOf(`models/${id}`)).toBe(0);
  });

  test('larger than a piece arrives whole', async () => {
    const { call } = startWorker();
    const id = freshName();
    const large = new Uint8Array(9 * 2 ** 20 + 5).map((_, i) => i * 31 + (i >> 12));
    const rest = model((path) => (path === weights[0] ? null : path));
    await call.importModel(id, [...rest, file(weights[0] as string, large)]);
    const back = await call.readModel(id, weights[0] as string);
    expect(back.byteLength).toBe(large.byteLength);
    expect(back.every((byte, i) => byte === large[i])).toBe(true);
    await call.deleteModelFolder(id);
  });

  test('with half-precision weights only is taken too, with both only one', async () => {
    const { call } = startWorker();
    const half = (path: string) => path.replace('.safetensors', '.fp16.safetensors');
    const { model: onlyHalf } = await call.importModel(freshName(), model(half));
    expect(onlyHalf.files.map(({ path }) => path)).toContain('unet/diffusion_pytorch_model.fp16.safetensors');
    const { model: both } = await call.importModel(freshName(), [
      ...model(),
      ...weights.map((path) => file(half(path))),
    ]);
    expect(both.skipped).toEqual(weights);
    const brain = (path: string) => path.replace('.safetensors', '.bf16.safetensors');
    const id = freshName();
    await call.importModel(id, model(brain));
    // Whoever asks for the weights gets them, whatever they are called.
    const read = await call.readModel(id, weights[0] as string);
    expect(new TextDecoder().decode(read)).toBe(brain(weights[0] as string));
  });

  test.each([
    [
      'no weights of the UNet',
      model((path) => (path === weights[0] ? null : path)),
      'model-file-missing',
      weights[0],
    ],
    [
      'no merges',
      model((path) => (path === texts[5] ? null : path)),
      'model-file-missing',
      'tokenizer/merges.txt',
    ],
    [
      'pickled weights',
      model((path) => path.replace('unet/diffusion_pytorch_model.safetensors', 'unet/x.bin')),
      'model-pickle',
      'unet/x.bin',
    ],
    ['a checkpoint', [file('v2-1_512-ema-pruned.ckpt')], 'model-pickle', 'v2-1_512-ema-pruned.ckpt'],
    ['one .safetensors that is none', [file('model.safetensors')], 'safetensors-invalid', 'A model'],
    ['two checkpoints', [file('a.safetensors'), file('b.safetensors')], 'model-ambiguous', 'a.safetensors'],
    [
      'weights in pieces',
      model((path) => (path === weights[0] ? `${path}.index.json` : path)),
      'model-sharded',
      'unet/diffusion_pytorch_model.safetensors.index.json',
    ],
    ['a way out', [...model(), file('unet/../../../x.json')], 'storage-path', 'unet/../../../x.json'],
    ['a file twice', [...model(), file('unet/config.json')], 'storage-path', 'unet/config.json'],
    ['nothing', [], 'model-file-missing', 'unet/config.json'],
  ])('with %s is refused', async (_, files, code, named) => {
    const { call } = startWorker();
    const id = freshName();
    await expect(call.importModel(id, files)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(String(named)),
    });
    expect(await call.sizeOf(`models/${id}`)).toBe(0);
    expect((await call.listModels()).some((listed) => listed.id === id)).toBe(false);
  });

  test('whose import is canceled stays incomplete until it is done again', async () => {
    const { call } = startWorker();
    const id = freshName();
    await expect(call.importModel(id, model(), { abortAt: 30 })).rejects.toThrow('canceled');
    expect((await call.listModels()).find((listed) => listed.id === id)).toMatchObject({ complete: false });
    await expect(call.readModel(id, 'unet/config.json')).rejects.toMatchObject({ code: 'model-missing' });
    await call.importModel(id, model());
    expect((await call.listModels()).filter((listed) => listed.id === id)).toMatchObject([
      { complete: true },
    ]);
  });

  test('that does not fit is refused before it is copied', async () => {
    const { call } = startWorker();
    const id = freshName();
    await call.reportRoom({ usage: 900, quota: 1000 });
    await expect(call.importModel(id, model())).rejects.toMatchObject({
      code: 'storage-full',
      message: expect.stringMatching(/ are needed; .* are free\.$/),
    });
    expect(await call.listFiles(`models/${id}`)).toEqual([]);
  });
});

describe('an image folder', () => {
  const line = (name: string, text: string) => `${JSON.stringify({ file_name: name, text })}\n`;

  test('is copied with its captions', async () => {
    const { call } = startWorker();
    const id = freshName();
    const [jpeg, webp] = [await picture('image/jpeg'), await picture('image/webp')];
    const metadata = line('b.png', ' a cube ') + line('deep/a.jpg', 'zwölf') + line('c.webp', '=1+1');
    const report = await call.importImageFolder(
      id,
      [
        file('set/metadata.jsonl', `\uFEFF${metadata.replaceAll('\n', '\r\n')}`),
        file('set/b.png', png),
        file('set/deep/a.jpg', jpeg),
        file('set/c.webp', webp),
        file('set/unlisted.png', png),
      ],
      { name: 'My set' },
    );
    expect(report).toEqual({ id, name: 'My set', images: 3, warnings: [] });
    expect(await call.listImages(id)).toEqual([
      { fileName: 'b.png', text: 'a cube' },
      { fileName: 'deep/a.jpg', text: 'zwölf' },
      { fileName: 'c.webp', text: '=1+1' },
    ]);
    expect(new Uint8Array(await (await call.openImage(id, 'deep/a.jpg')).arrayBuffer())).toEqual(jpeg);
    expect(await call.sizeOf(`images/${id}`)).toBe(png.length + jpeg.length + webp.length);
    await expect(call.openImage(id, 'unlisted.png')).rejects.toMatchObject({ code: 'images-missing' });
    await call.deleteImageFolder(id);
    await expect(call.listImages(id)).rejects.toMatchObject({ code: 'images-missing' });
  });

  test('with bad lines and missing images keeps the rest and names them', async () => {
    const { call } = startWorker();
    const id = freshName();
    const metadata = [
      line('a.png', 'one'),
      'no json\n',
      '\n',
      line('a.png', 'again'),
      line('../x.png', 'out'),
      line('gone.png', 'two'),
      line('notes.txt', 'three'),
      line('cut.png', 'four'),
    ].join('');
    const files = [
      file('metadata.jsonl', metadata),
      file('a.png', png),
      file('notes.txt', 'not an image'),
      file('cut.png', png.slice(0, 30)),
    ];
    const { images, warnings } = await call.importImageFolder(id, files);
    expect(images).toBe(1);
    expect(warnings).toEqual([
      'metadata.jsonl, line 2: The line is not valid JSON.',
      'metadata.jsonl, line 4: a.png is listed twice.',
      'metadata.jsonl, line 5: file_name: file_name must stay inside the folder.',
      'Not in the folder: gone.png.',
      'Damaged, or neither PNG, JPEG nor WebP: notes.txt, cut.png.',
    ]);
  });

  test('with many missing images names the first', async () => {
    const { call } = startWorker();
    const metadata =
      line('a.png', 'x') + Array.from({ length: 30 }, (_, i) => line(`m${i}.png`, 'x')).join('');
    const { warnings } = await call.importImageFolder(freshName(), [
      file('metadata.jsonl', metadata),
      file('a.png', png),
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(/^Not in the folder: m0\.png, .*, m19\.png, and 10 more\.$/),
    ]);
  });

  test.each([
    ['no metadata', [file('a.png', png)], 'images-no-metadata'],
    ['no usable image', [file('metadata.jsonl', line('a.png', 'x'))], 'images-none-usable'],
    ['an empty list', [file('metadata.jsonl', '\n'), file('a.png', png)], 'images-none-usable'],
  ])('with %s is refused', async (_, files, code) => {
    const { call } = startWorker();
    await expect(call.importImageFolder(freshName(), files)).rejects.toMatchObject({ code });
  });
});
