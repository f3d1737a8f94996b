import { describe, expect, test } from 'vitest';
import type { PixelImage } from '../../../src/contract/events.ts';
import { missingFeature } from '../../../src/state/page/capabilities.ts';
import { raiseAlert, useNotices, withdrawAlert } from '../../../src/state/page/notices.ts';
import { typedPrompts } from '../../../src/state/run/compare.ts';
import { ImageCache } from '../../../src/state/run/images.ts';
import { classifyFiles, openPromptFiles } from '../../../src/state/setup/dropped.ts';
import {
  joinPromptLists,
  promptTexts,
  readPrompts,
  setPromptText,
  usePrompts,
} from '../../../src/state/setup/prompts.ts';

describe('dropped files are known by their names', () => {
  test.each([
    [['colors.txt'], 'prompts'],
    [['LIST.JSONL'], 'prompts'],
    [['run.json'], 'run'],
    [['pytorch_lora_weights.safetensors'], 'weights'],
    [['v2-1_512-ema-pruned.safetensors', 'vocab.json', 'merges.txt'], 'model'],
    [['sd/model_index.json', 'sd/unet/config.json', 'sd/unet/model.safetensors'], 'model'],
    [['photos/metadata.jsonl', 'photos/1.png'], 'images'],
    [['photos/1.png', 'photos/2.JPG'], 'images'],
    [['photo.png'], 'unknown'],
    [['sd.ckpt'], 'model'],
    [['a.txt', 'b.csv', 'c.jsonl'], 'prompts'],
    [['a.txt', 'b.pdf'], 'unknown'],
    [[], 'unknown'],
  ] as const)('%j is %s', (paths, kind) => {
    expect(classifyFiles(paths)).toBe(kind);
  });
});

describe('prompt lists', () => {
  test('keep repeats and the order of the file', () => {
    const { list, failure } = readPrompts('p.txt', 'b\na\r\nb\n');
    expect(failure).toBeNull();
    expect(promptTexts(list)).toEqual(['b', 'a', 'b']);
    expect(list?.duplicates).toEqual([{ text: 'b', lines: [1, 3] }]);
  });

  test('that cannot be read keep their text and say where', () => {
    const text = '{"prompt":"a"}\nnonsense';
    const { list, failure, text: kept } = readPrompts('p.jsonl', text);
    expect([list, kept]).toEqual([null, text]);
    expect(failure?.where).toBe('p.jsonl, line 2');
  });

  test('of several files are joined in their order, with the text of each prompt as it was', () => {
    const joined = joinPromptLists([
      { name: 'a.txt', text: 'a red circle\nb' },
      { name: 'b.csv', text: 'prompt\n"c, d"\n' },
      { name: 'c.jsonl', text: '{"prompt":"e\\tf"}' },
    ]);
    expect(promptTexts(readPrompts(...joined).list)).toEqual(['a red circle', 'b', 'c, d', 'e\tf']);
    expect(joinPromptLists([{ name: 'a.txt', text: 'x' }])).toEqual(['a.txt', 'x']);
    expect(() =>
      joinPromptLists([
        { name: 'a.txt', text: 'x' },
        { name: 'b.csv', text: '"' },
      ]),
    ).toThrow('b.csv, line 1');
  });

  test.each([
    ['run.json', '{"version":1}', 'prompts-format'],
    ['adapter.safetensors', '\0\0', 'prompts-format'],
    ['list.txt', '\0\0', 'prompts-not-text'],
    ['list.csv', ' ', 'prompts-empty'],
  ])('that are none do not take the place of what was typed: %s', async (path, text, code) => {
    setPromptText('typed for an hour');
    await expect(openPromptFiles([{ path, file: new Blob([text]) }])).rejects.toMatchObject({ code });
    expect(usePrompts.getState().text).toBe('typed for an hour');
  });

  test('that are empty are no failure', () => {
    expect(readPrompts('p.txt', ' \n')).toMatchObject({ list: null, failure: null });
  });

  test('typed for comparison lose empty lines and repeats', () => {
    expect(typedPrompts(' a \n\n b\na')).toEqual(['a', 'b']);
  });
});

test('a failure that no longer holds is withdrawn, others stay', () => {
  const report = (code: string) => ({ code, message: code, remedy: '' });
  for (const code of ['storage-full', 'file-unknown']) raiseAlert(report(code));
  withdrawAlert(report('storage-full'));
  expect(useNotices.getState().alerts.map((alert) => alert.report.code)).toEqual(['file-unknown']);
});

test('the one missing feature of a browser is named', () => {
  const all = { worker: true, webAssembly: true, secure: true, files: true };
  expect(missingFeature(all)).toBeNull();
  expect(missingFeature({ ...all, secure: false, files: false })?.code).toBe('insecure-address');
  expect(missingFeature({ ...all, files: false })?.code).toBe('no-file-storage');
  expect(missingFeature({ ...all, webAssembly: false })?.code).toBe('browser-too-old');
});

describe('the image cache', () => {
  const image = (bytes: number): PixelImage => ({ width: 1, height: 1, rgba: new Uint8ClampedArray(bytes) });

  test('drops what was not shown for longest', () => {
    const cache = new ImageCache(100);
    cache.add('a', image(40));
    cache.add('b', image(40));
    cache.get('a');
    cache.add('c', image(40));
    expect(['a', 'b', 'c'].map((key) => cache.peek(key) !== null)).toEqual([true, false, true]);
  });

  test('keeps the newest image even when it alone is too large', () => {
    const cache = new ImageCache(10);
    cache.add('a', image(5));
    cache.add('b', image(50));
    expect([cache.peek('a') !== null, cache.peek('b') !== null]).toEqual([false, true]);
  });

  test('lets go of the images of a run', () => {
    const cache = new ImageCache(100);
    cache.add('one/0', image(40));
    cache.add('other/0', image(20));
    cache.remove('one/');
    expect([cache.peek('one/0'), cache.bytes]).toEqual([null, 20]);
  });

  test('counts an image once when it is added again', () => {
    const cache = new ImageCache(100);
    cache.add('a', image(60));
    cache.add('a', image(60));
    cache.add('b', image(40));
    expect(cache.peek('a')).not.toBeNull();
  });
});
