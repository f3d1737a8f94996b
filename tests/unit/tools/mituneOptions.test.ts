import { describe, expect, test } from 'vitest';
import { presetSettings } from '../../../src/contract/presets.ts';
import { helpText, type MiTuneOptions, readOptions } from '../../../tools/mitune/options.ts';

const read = (...args: string[]): MiTuneOptions =>
  readOptions(['--prompts', 'list.txt', '--out', 'out', ...args]) as MiTuneOptions;

describe('options of npm run mitune', () => {
  test('default to the demo preset', () => {
    expect(read()).toEqual({
      prompts: 'list.txt',
      out: 'out',
      resume: false,
      model: null,
      exports: ['diffusers'],
      realImages: null,
      metrics: [],
      spec: { version: 1, preset: 'demo', seed: 42, backend: 'auto', ...presetSettings('demo') },
    });
  });

  test('name the formats of the adapter, each once', () => {
    expect(read('--export', 'kohya,comfyui, kohya').exports).toEqual(['kohya', 'comfyui']);
    expect(() => read('--export', 'pickle')).toThrow('--export must be one of diffusers, kohya');
    const resumed = readOptions(['--out', 'out', '--resume', '--export', 'merged']);
    expect(resumed?.exports).toEqual(['merged']);
  });

  test('name a method and a way of drawing, with their options', () => {
    const { spec } = read(
      '--method',
      'gors',
      '--method-option',
      'threshold=0.5',
      '--method-option',
      'reward=mi',
      '--drawn-by',
      'semantic-guidance',
    );
    expect(spec.method).toEqual({ name: 'gors', options: { threshold: 0.5, reward: 'mi' } });
    expect(spec.drawnBy).toEqual({ name: 'semantic-guidance', options: {} });
    expect(() => read('--method', 'gorse')).toThrow(/no method "gorse"/);
    expect(() => read('--method', 'gors', '--method-option', 'threshold=2')).toThrow(/from 0 to 1/);
    expect(() => read('--method', 'gors', '--method-option', 'speed=2')).toThrow(/threshold/);
    expect(() => read('--method-option', 'threshold=0.5')).toThrow(/needs --method/);
    expect(() => read('--drawn-by', 'gors')).toThrow(/not a way of drawing/);
    expect(helpText()).toContain('attend-and-excite: stepSize');
  });

  test('a switch alone is on', () => {
    expect(read('--early-stop').spec.selection.earlyStop).toBe(true);
    expect(read('--early-stop', '--candidates', '9').spec.selection).toMatchObject({
      candidates: 9,
      earlyStop: true,
    });
    expect(read('--early-stop', 'false').spec.selection.earlyStop).toBe(false);
    expect(() => read('--early-stop', 'maybe')).toThrow('--early-stop must be one of true, false');
    expect(() => read('--early-stop', '--method', 'mi-dpo')).toThrow(/MI-DPO learns from the candidates/);
    expect(read().spec.selection.earlyStop).toBe(false);
  });

  test('override a preset, which is then no longer that preset', () => {
    const { spec } = read('--preset', 'paper', '--candidates', '8', '--lr', '1e-3', '--text-encoder', 'true');
    const paper = presetSettings('paper');
    expect(spec).toEqual({
      version: 1,
      preset: 'custom',
      seed: 42,
      backend: 'auto',
      ...paper,
      selection: { ...paper.selection, candidates: 8 },
      adapter: { ...paper.adapter, textEncoder: true },
      training: { ...paper.training, learningRate: 1e-3 },
    });
    expect(presetSettings('paper').selection.candidates).toBe(50);
    expect(read('--preset', 'official-code').spec.preset).toBe('official-code');
  });

  test('turn clipping on and off', () => {
    expect(read('--clip', 'none').spec.training.clip).toBeNull();
    expect(read('--preset', 'official-code', '--clip', '0.5').spec.training.clip).toBe(0.5);
  });

  test('take a folder of real images with a share', () => {
    expect(read('--real-images', 'photos').realImages).toEqual({ folder: 'photos', share: 0.25 });
    expect(read('--real-images', 'photos', '--real-share', '0.5').realImages?.share).toBe(0.5);
  });

  test('take metrics by name, with a folder where their model does not come with the page', () => {
    expect(read('--metrics', 'shapes-clip,clip=models/a=b').metrics).toEqual([
      { name: 'shapes-clip', folder: null },
      { name: 'clip', folder: 'models/a=b' },
    ]);
    expect(read('--metrics', 'exact').metrics).toEqual([{ name: 'exact', folder: null }]);
    expect(() => read('--metrics', 'beauty')).toThrow('--metrics must be one of exact, shapes-clip, clip');
  });

  test('need an output folder, and a prompt list unless a run is resumed', () => {
    expect(() => readOptions(['--prompts', 'list.txt'])).toThrow('--out');
    expect(() => readOptions(['--out', 'out'])).toThrow('--prompts');
    expect(readOptions(['--out', 'out', '--resume'])).toMatchObject({ resume: true, prompts: null });
  });

  test.each([
    [['--candidates', 'many'], '--candidates must be a whole number from 1 to 500, not "many"'],
    [['--lr', ''], '--lr must be a number from'],
    [['--preset', 'fast'], '--preset must be one of demo, paper, official-code'],
    [['--backend', 'cpu'], '--backend must be one of auto, wasm, webgpu'],
    [['--text-encoder', 'yes'], '--text-encoder must be one of true, false'],
    [['--candidtes', '4'], '--candidtes'],
    [['--candidates', '0'], '--candidates must be a whole number from 1 to'],
    [['--steps', '2.5'], '--steps must be a whole number'],
    [['--lr=-1'], '--lr must be a number from'],
    [['--scheduler', 'heun'], '--scheduler must be one of ddpm, ddim, euler, pndm, dpmpp2m'],
    [['--candidates', '3', '--keep', '4'], 'Kept per prompt'],
    [['--estimator', 'standard'], 'noised again'],
    [['--seed', '1.5'], '--seed must be a whole number'],
    [['--seed', '9007199254740991'], '--seed must be a whole number'],
    [['--real-images', 'photos', '--real-share', '2'], '--real-share must be a number from 0 to 1'],
    [['--resume', '--steps', '5'], 'keeps its settings'],
  ])('refuse %j and name the option', (args, message) => {
    expect(() => read(...args)).toThrow(message);
  });

  test('are all listed by --help with their defaults', () => {
    expect(readOptions(['--help'])).toBeNull();
    const help = helpText();
    const { candidates } = presetSettings('demo').selection;
    expect(help).toMatch(new RegExp(`--candidates N .*: ${candidates} / 50$`, 'm'));
    expect(help).toMatch(/--guidance X .*: 2\.5 \/ 7\.5$/m);
    for (const name of [
      'model',
      'preset',
      'seed',
      'backend',
      'resume',
      'real-images',
      'path',
      'clip',
      'rounds',
    ]) {
      expect(help).toContain(`--${name}`);
    }
  });
});
