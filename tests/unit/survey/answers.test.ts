import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StudioError } from '../../../src/lib/errors.ts';
import {
  type AnswerFile,
  answerFileName,
  answersOf,
  parseAnswers,
  writeAnswers,
} from '../../../src/survey/answers.ts';
import { drawRounds } from '../../../src/survey/design.ts';
import { parsePythonRepr, pythonRepr } from '../../../src/survey/pythonText.ts';
import { methodsManifest, metricsManifest } from './packs.ts';

type Golden = {
  reprs: [string, string][];
  methods: { names: string[]; rows: [string, string, Record<string, boolean>][]; csv: string };
  metrics: { rows: [string, boolean[]][]; csv: string };
};
const golden = JSON.parse(readFileSync('tests/golden/answers.json', 'utf8')) as Golden;

/** Any code points, halves of pairs included; fast-check's own strings of this kind take seconds to set up. */
const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0x10ffff })), {
    maxLength: 30,
  })
  .map((codes) => String.fromCodePoint(...codes));

describe('text as Python writes it', () => {
  it.each(golden.reprs)('%j', (text, literal) => {
    expect(pythonRepr(text)).toBe(literal);
    expect(parsePythonRepr(literal)).toBe(text);
  });

  it('comes back, whatever it is', () =>
    fc.assert(
      fc.property(anyText, (text) => {
        expect(parsePythonRepr(pythonRepr(text))).toBe(text);
      }),
      { seed: 21, numRuns: 500 },
    ));

  it.each(['', "'", 'abc', "'abc", '"abc\'', "'a'b'", "'a\\'", "'\\q'", "'\\x1'", "'\\Uffffffff'"])(
    'is not %j',
    (literal) => expect(() => parsePythonRepr(literal)).toThrow(StudioError),
  );
});

describe('answer files', () => {
  const metrics: AnswerFile = {
    campaign: 'metrics',
    columns: ['mi', 'blip', 'hps'],
    answers: golden.metrics.rows.map(([prompt, selected]) => ({ category: null, prompt, selected })),
  };
  const columns = golden.methods.names.toSorted();
  const methods: AnswerFile = {
    campaign: 'methods',
    columns,
    answers: golden.methods.rows.map(([category, prompt, flags]) => ({
      category,
      prompt,
      selected: columns.map((name) => flags[name] === true),
    })),
  };

  it('are those of the official notebooks to the byte', () => {
    expect(writeAnswers(metrics)).toBe(golden.metrics.csv);
    expect(writeAnswers(methods)).toBe(golden.methods.csv);
  });

  it('are read back', () => {
    expect(parseAnswers('a.csv', golden.metrics.csv)).toEqual(metrics);
    expect(parseAnswers('a.csv', golden.methods.csv)).toEqual(methods);
  });

  it('come back whatever the prompts are', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            prompt: anyText.filter((text) => text !== ''),
            selected: fc.tuple(fc.boolean(), fc.boolean()),
          }),
          { minLength: 1, maxLength: 5 },
        ),
        (rows) => {
          fc.pre(rows.every(({ prompt }) => !/[\r\n]/.test(prompt)));
          const file = {
            campaign: 'metrics' as const,
            columns: ['a,b', 'c"d'],
            answers: rows.map((row) => ({ category: null, ...row })),
          };
          expect(parseAnswers('a.csv', writeAnswers(file))).toEqual(file);
          const other = {
            ...file,
            campaign: 'methods' as const,
            answers: rows.map((row) => ({ category: 'x', ...row })),
          };
          expect(parseAnswers('a.csv', writeAnswers(other))).toEqual(other);
        },
      ),
      { seed: 22, numRuns: 300 },
    ));

  it.each([
    ['', 1],
    ['hello', 1],
    ['prompt\n"a"', 1],
    ['prompt,mi,mi\n"a",True,False', 1],
    ['prompt,mi\n', 2],
    ['prompt,mi\n"a",True,False', 2],
    ['prompt,mi\n"a",True\n"b",yes', 3],
    ['category,prompt,MI\ncolor,a red book,True', 2],
    ['prompt,mi\n"a,True', 2],
  ])('%j is refused at line %i', (text, line) => {
    let found: unknown;
    try {
      parseAnswers('a.csv', text);
    } catch (error) {
      found = error;
    }
    expect(found).toBeInstanceOf(StudioError);
    expect((found as StudioError).code).toBe('answers-malformed');
    expect((found as StudioError).where).toBe(`a.csv, line ${line}`);
  });

  it('are read or refused with a reason, whatever they hold', () =>
    fc.assert(
      fc.property(anyText, (text) => {
        for (const given of [text, `prompt,mi\n${text}`, `category,prompt,MI\n${text}`]) {
          try {
            parseAnswers('a.csv', given);
          } catch (error) {
            expect((error as StudioError).code).toBe('answers-malformed');
          }
        }
      }),
      { seed: 23, numRuns: 500 },
    ));

  it('are named by the time of their survey', () => {
    expect(answerFileName(new Date(2024, 0, 31, 23, 59, 9, 7), 42)).toBe('answer_20240131_235909_007042.csv');
  });
});

describe('from places to columns', () => {
  it('what was selected counts for the column that stood there', () =>
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.integer({ min: 0, max: 2 })), (seed, places) => {
        const rounds = drawRounds(metricsManifest, seed);
        const file = answersOf(
          metricsManifest,
          rounds,
          rounds.map(() => new Set(places)),
        );
        for (const [i, { selected, prompt }] of file.answers.entries()) {
          const { order = [], question = -1 } = rounds[i] ?? {};
          expect(prompt).toBe(metricsManifest.questions[question]?.prompt);
          for (const [place, column] of order.entries())
            expect(selected[column]).toBe(places.includes(place));
        }
      }),
      { seed: 24, numRuns: 100 },
    ));

  it('methods are sorted as Python sorts, whatever the order in the pack', () => {
    const rounds = drawRounds(methodsManifest, 1);
    const file = answersOf(
      methodsManifest,
      rounds,
      rounds.map(({ order }) => new Set([order.indexOf(methodsManifest.columns.indexOf('MI'))])),
    );
    expect(file.columns).toEqual(['AandE', 'MI', 'base']);
    for (const { selected } of file.answers) expect(selected).toEqual([false, true, false]);
  });

  it('a round without a selection, or not reached, is answered by none', () => {
    const rounds = drawRounds(metricsManifest, 5);
    const file = answersOf(metricsManifest, rounds, []);
    expect(file.answers).toHaveLength(rounds.length);
    expect(file.answers.every(({ selected }) => selected.every((chosen) => !chosen))).toBe(true);
  });
});
