// What `npm run score` keeps between calls, and what it reads from a folder.

import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { encodePng } from '../../../src/formats/png.ts';
import { copyAsBenchmark, takeResults } from '../../../tools/score/exchange.ts';
import { readFolder } from '../../../tools/score/folder.ts';
import { scoreDetections, scoreThreeInOne } from '../../../tools/score/rules.ts';
import { appendLine, cacheKey, readLines } from '../../../tools/score/store.ts';

const folders: string[] = [];
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'score-'));
  folders.push(path);
  return path;
}
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true });
});

test('what was measured is found again; a line that was cut off is dropped, a damaged one too', () => {
  const path = join(folder(), 'scores.jsonl');
  const line = { key: 'a', file_name: 'a.png', prompt: 'a cat', value: 0.5, parts: { lowest: 0.5 } };
  appendLine(path, line);
  appendFileSync(path, '{"key":"b","file_name":5}\nnot json\n{"key":"c","file_name":"c.pn');
  expect([...readLines(path)]).toEqual([['a', line]]);
  // The next line begins on its own.
  appendLine(path, { ...line, key: 'd', value: null });
  expect([...readLines(path).keys()]).toEqual(['a', 'd']);
  expect(readFileSync(path, 'utf8').split('\n').at(-2)).toContain('"key":"d"');
  expect(readLines(join(folder(), 'none.jsonl')).size).toBe(0);
});

test('a key tells apart what could run together', () => {
  expect(cacheKey(['ab', 'c'])).toBe(cacheKey(['ab', 'c']));
  expect(cacheKey(['ab', 'c'])).not.toBe(cacheKey(['a', 'bc']));
  expect(cacheKey(['a', ''])).not.toBe(cacheKey(['', 'a']));
});

test('an image folder, and names of T2I-CompBench in the order of their index', () => {
  const listed = folder();
  writeFileSync(join(listed, 'metadata.jsonl'), '{"file_name":"x.png","text":"a cat"}\n');
  writeFileSync(join(listed, 'x.png'), 'abc');
  // printf abc | sha256sum
  const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  expect(readFolder(listed)).toEqual({
    folder: listed,
    images: [{ fileName: 'x.png', prompt: 'a cat', sha256 }],
    benchmark: false,
  });
  const named = folder();
  const samples = join(named, 'samples');
  mkdirSync(samples);
  for (const name of ['a dog_000010.png', 'a cat_000002.png', 'notes.txt'])
    writeFileSync(join(samples, name), '');
  const found = readFolder(named);
  expect(found.folder).toBe(samples);
  expect(found.images.map(({ prompt }) => prompt)).toEqual(['a cat', 'a dog']);
});

test('a folder goes to the benchmark’s scripts, and their results come back as a table', () => {
  const listed = folder();
  const lines = ['a cat', 'a dog'].map((text, i) => {
    writeFileSync(join(listed, `${i}.png`), text);
    return `${JSON.stringify({ file_name: `${i}.png`, text })}\n`;
  });
  writeFileSync(join(listed, 'metadata.jsonl'), lines.join(''));
  const out = folder();
  copyAsBenchmark(readFolder(listed), out);
  const copied = readFolder(out);
  expect(copied.images.map(({ fileName }) => fileName)).toEqual(['a cat_000000.png', 'a dog_000001.png']);
  expect(() => copyAsBenchmark(readFolder(listed), out)).toThrow(/is there already/);

  mkdirSync(join(out, 'annotation_blip'));
  const results = join(out, 'annotation_blip', 'vqa_result.json');
  writeFileSync(results, '[{"question_id":1,"answer":"0.2500"}]');
  takeResults(copied, results, out);
  const [, cat, dog] = readFileSync(join(out, 'scores-blip-vqa.csv'), 'utf8').split('\r\n');
  expect(cat).toBe(`a cat_000000.png,${copied.images[0]?.sha256},a cat,`);
  expect(dog).toBe(`a dog_000001.png,${copied.images[1]?.sha256},a dog,0.25`);
  expect(() => takeResults(readFolder(listed), results, out)).toThrow(/benchmark’s names/);
  writeFileSync(results, '[{"question_id":2,"answer":1}]');
  expect(() => takeResults(copied, results, out)).toThrow(/answers number 2, and there are 2 images/);
});

test('a folder without prompts, and a listed image that is missing, are told', () => {
  expect(() => readFolder(folder())).toThrow(/neither a metadata\.jsonl nor/);
  const listed = folder();
  writeFileSync(join(listed, 'metadata.jsonl'), '{"file_name":"x.png","text":"a cat"}\n');
  expect(() => readFolder(listed)).toThrow(/x\.png is listed/);
});

test('boxes of a detector become spatial scores and a result file of T2I-CompBench', async () => {
  const samples = join(folder(), 'samples');
  mkdirSync(samples);
  const name = 'a dog on the left of a cat_000000.png';
  writeFileSync(join(samples, name), await encodePng(new Uint8Array(100 * 100 * 3), 100, 100));
  const boxes = [
    { file_name: name, label: 'dog', bbox: [0, 40, 20, 20], score: 0.9 },
    { file_name: name, label: 'cat', bbox: [70, 40, 20, 20], score: 0.7 },
  ];
  const out = folder();
  const file = join(out, 'boxes.json');
  writeFileSync(file, JSON.stringify(boxes));
  await scoreDetections(readFolder(join(samples, '..')), file, { out, complex: false });
  // (0.9 + 0.7) / 4 + 1 / 2
  expect(readFileSync(join(out, 'scores-unidet.csv'), 'utf8')).toContain(
    `${name},a dog on the left of a cat,0.9`,
  );
  const results = JSON.parse(readFileSync(join(out, 'annotation_obj_detection_2d/vqa_result.json'), 'utf8'));
  expect(results).toEqual([{ question_id: 0, answer: 0.9 }]);
});

test('3-in-1 takes the scores that the prompt needs', () => {
  const images = folder();
  // A prompt of complex_val.txt about a place.
  const prompt = 'The red hat was on top of the brown coat rack.';
  writeFileSync(join(images, 'metadata.jsonl'), `${JSON.stringify({ file_name: 'x.png', text: prompt })}\n`);
  writeFileSync(join(images, 'x.png'), '');
  const out = folder();
  expect(() => scoreThreeInOne(readFolder(images), out)).toThrow(/score the folder by blip-vqa first/);
  for (const [name, value] of Object.entries({ 'blip-vqa': 0.5, unidet: 0.75, clip: 0.2 })) {
    writeFileSync(join(out, `scores-${name}.csv`), `file_name,prompt,${name}\nx.png,p,${value}\n`);
  }
  scoreThreeInOne(readFolder(images), out);
  expect(readFileSync(join(out, 'scores-3-in-1.csv'), 'utf8')).toContain('0.625');
});
