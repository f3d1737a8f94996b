/** Every parser of what comes from outside. Their order is part of the seeds: new ones go to the end. */
import { readLoraConfig } from '../../src/adapters/metadata.ts';
import { presetSettings } from '../../src/contract/presets.ts';
import { readSchedulerFile, resolveScheduler } from '../../src/diffusion/schedulerConfig.ts';
import { parseAdapterKey } from '../../src/formats/adapterKeys.ts';
import { parseImageFolder } from '../../src/formats/imageFolder.ts';
import { openLdmCheckpoint } from '../../src/formats/ldmCheckpoint.ts';
import { unpickle } from '../../src/formats/pickle.ts';
import { isModule } from '../../src/formats/pickledTensors.ts';
import { readPngText } from '../../src/formats/pngText.ts';
import { parsePromptList } from '../../src/formats/promptList.ts';
import { decodeSealed, encodeSealed, sealedBytes } from '../../src/formats/sealed.ts';
import { scriptTensors } from '../../src/formats/torchFile.ts';
import { bytesSource } from '../../src/lib/bytes.ts';
import { cleanText } from '../../src/models/text/clean/cleanText.ts';
import { parseTextConfig } from '../../src/models/text/config.ts';
import { makeTokenizer } from '../../src/models/text/tokenizer.ts';
import { parseUnetConfig } from '../../src/models/unet/config.ts';
import { parseVaeConfig } from '../../src/models/vae/config.ts';
import { isSingleFile, parseSource, sourceId, sourceName, sourceOrigin } from '../../src/sources/address.ts';
import { parseRunFile } from '../../src/state/setup/runFile.ts';
import { decodePlace, encodePlace } from '../../src/state/setup/url.ts';
import { chooseModelFiles } from '../../src/storage/modelFiles.ts';
import { decodeHeader, decodeRecord, encodeHeader, encodeRecords } from '../../src/storage/poolFormat.ts';
import { readCsv, readPng, readSafetensors, readZip, tokenize } from './compared.ts';
import { plainBpe } from './second/clipBpe.ts';
import * as good from './seeds.ts';
import { Disagreement, type Target } from './target.ts';

const words = (input: Uint8Array): string => new TextDecoder().decode(input);
const parsed = (input: Uint8Array): unknown => {
  try {
    return JSON.parse(words(input));
  } catch {
    return null;
  }
};
/** Words with lone halves of characters, which bytes in UTF-8 cannot spell. */
const utf16 = (input: Uint8Array): string => words(input).replaceAll('\ufffd', '\ud800');

const JSON_TOKENS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\u0000',
  '__proto__',
  '1e999',
  '-1',
  'null',
  '\\ud800',
];
const URL_TOKENS = [
  '//',
  '%zz',
  '%2e%2e',
  '@',
  ':',
  '?',
  '#',
  'https://',
  '..',
  '\\',
  '[::1]',
  '\ufffd',
  'tree/main',
];
const CSV_TOKENS = ['"', '""', ',', ';', '\t', '\r\n', '\r', '\n', '\ufeff', 'prompt', 'category', '\0'];
const PNG_TOKENS = ['IHDR', 'IDAT', 'IEND', 'PLTE', 'tEXt', 'zTXt', 'iTXt', '\0\0\0\u0000'];
const ZIP_TOKENS = ['PK\u0001\u0002', 'PK\u0003\u0004', 'PK\u0005\u0006', 'PK\u0006\u0006', '../', '\0'];

const bpe = plainBpe(good.TOKENIZER, {
  specials: ['<|startoftext|>', '<|endoftext|>', '!'],
  clean: cleanText,
});
const tokenizer = makeTokenizer(good.TOKENIZER, 77);
const poolHeader = { latentSize: 4, timesteps: [900, 500, 20], source: '{"seed":1}' };
const poolRecord = {
  prompt: 1,
  candidate: 2,
  seed: 3,
  trace: Float32Array.of(1, 2, 3),
  latent: Float32Array.of(4, 5, 6, 7),
};
const runFile = {
  version: 1,
  preset: 'custom',
  model: { kind: 'url', base: 'models/shapes/' },
  prompts: ['a red circle', 'a blue ring'],
  seed: 42,
  backend: 'auto',
  ...presetSettings('demo'),
  realImages: null,
};
const modelPaths = [
  'unet/config.json',
  'unet/diffusion_pytorch_model.fp16.safetensors',
  'vae/config.json',
  'x.ckpt',
];
const modules = new Set(['unet.down_blocks.0.attentions.0.to_q', 'text_encoder.layers.0.self_attn.q_proj']);
const keys = [
  'unet.down_blocks.0.attentions.0.to_q.lora_A.weight',
  'lora_unet_down_blocks_0_attentions_0_to_q.lora_down.weight',
  'base_model.model.unet.down_blocks.0.attentions.0.to_q.lora_magnitude_vector',
];

export const TARGETS: readonly Target[] = [
  {
    name: 'address',
    seeds: [
      'owner/name@fp16',
      'https://huggingface.co/owner/name/tree/refs%2Fpr%2F20/unet',
      'https://example.org/models/sd/unet/x.safetensors?a=b#c',
      'http://127.0.0.1:8000/',
    ].map(good.text),
    tokens: URL_TOKENS,
    read: (input) => {
      const source = parseSource(utf16(input));
      const id = sourceId(source);
      if (!/^[\w-][\w.-]{0,99}$/.test(id)) throw new Disagreement(`the identifier ${id}`);
      if (source.kind === 'url' && new URL(source.url).host !== new URL(utf16(input).trim()).host)
        throw new Disagreement('another host');
      return [sourceName(source), sourceOrigin(source), isSingleFile(source)];
    },
  },
  {
    name: 'link',
    seeds: [
      '#v=1&page=settings&preset=paper&sampling.steps=30&seed=7&backend=wasm',
      '#model=https://host/sd/&list=places.txt&run=run-1',
      '#model=stored:known-sd21-base&score.weights=none',
    ].map(good.text),
    tokens: [...URL_TOKENS, '&', '=', 'model=', 'sampling.steps=', '__proto__='],
    read: (input) => {
      const place = decodePlace(utf16(input));
      if (JSON.stringify(decodePlace(encodePlace(place))) !== JSON.stringify(place))
        throw new Disagreement('a place that does not come back');
    },
  },
  ...(['txt', 'jsonl'] as const).map(
    (kind): Target => ({
      name: `prompts-${kind}`,
      seeds: [
        'a red circle\r\na blue ring\n\n"x"\tcolor',
        '{"prompt":"a","categories":["b"]}\n"c"\n{"text":"d","category":"e"}',
      ].map(good.text),
      tokens: [...CSV_TOKENS, ...JSON_TOKENS],
      read: (input) => parsePromptList(`input.${kind}`, utf16(input)),
    }),
  ),
  {
    name: 'prompts-csv',
    seeds: [
      'prompt,category\n"a ""red"" cube,\r\na ball",color; shape\nnext,\n',
      'id;text\n1;a\n',
      'a\nb',
    ].map(good.text),
    tokens: CSV_TOKENS,
    read: readCsv,
  },
  {
    name: 'run-file',
    seeds: [good.json(runFile)],
    json: true,
    tokens: JSON_TOKENS,
    read: (input) => parseRunFile('run.json', words(input)),
  },
  {
    name: 'safetensors',
    seeds: good.SAFETENSORS,
    tokens: [...JSON_TOKENS, '"F16"', '"data_offsets":[0,4]'],
    read: readSafetensors,
  },
  { name: 'png', seeds: good.PNGS, tokens: PNG_TOKENS, read: readPng },
  {
    name: 'png-text',
    seeds: good.PNGS,
    tokens: PNG_TOKENS,
    read: (input) => readPngText(input, 'input.png'),
  },
  { name: 'zip', seeds: good.ZIPS, tokens: ZIP_TOKENS, read: readZip },
  {
    name: 'image-folder',
    seeds: [good.text('{"file_name":"a/b.png","text":"c","seed":1}\n\n{"file_name":"d.jpg","text":""}\n')],
    tokens: [...JSON_TOKENS, '../', '\\\\', '\r\n'],
    read: (input) => parseImageFolder('metadata.jsonl', utf16(input)),
  },
  {
    name: 'model-config',
    seeds: [good.json({ unet: good.UNET, vae: good.VAE, text: good.TEXT_ENCODER })],
    json: true,
    tokens: JSON_TOKENS,
    read: (input) => {
      const { unet, vae, text } = { ...(parsed(input) as Record<string, unknown> | null) };
      return [parseUnetConfig(unet), parseVaeConfig(vae), parseTextConfig(text)];
    },
  },
  {
    name: 'scheduler-config',
    seeds: [good.json(good.SCHEDULER)],
    json: true,
    tokens: JSON_TOKENS,
    read: (input) => resolveScheduler(readSchedulerFile(words(input)), 'ddim'),
  },
  {
    name: 'tokenizer-files',
    seeds: [
      good.json({
        vocab: { a: 0, 'b</w>': 1, '<|startoftext|>': 2, '<|endoftext|>': 3, ab: 4 },
        merges: 'a b</w>',
        config: { model_max_length: 77, bos_token: '<|startoftext|>', pad_token: null },
      }),
    ],
    json: true,
    tokens: JSON_TOKENS,
    read: (input) => {
      const { vocab, merges, config } = { ...(parsed(input) as Record<string, unknown> | null) };
      const files = {
        vocab: JSON.stringify(vocab) ?? '',
        merges: typeof merges === 'string' ? merges : '',
        config: JSON.stringify(config) ?? '',
      };
      return makeTokenizer(files, 77).encode('ab b a');
    },
  },
  {
    name: 'tokenizer',
    seeds: [
      'a red circle above a blue square',
      "cat's 12 red,blue!",
      'caf\u00e9 \u{1f534} <|endoftext|> \u4e00',
    ].map(good.text),
    tokens: ["'s", "'ll", '<|endoftext|>', '\u0301', '\u00a0', '\u{1f534}', 'circle', '\u0130', '\ufb01'],
    read: (input) => tokenize(tokenizer, bpe, input),
  },
  {
    name: 'checkpoint',
    seeds: good.SAFETENSORS,
    tokens: ['model.diffusion_model.', 'first_stage_model.', 'cond_stage_model.', ...JSON_TOKENS],
    read: (input) => openLdmCheckpoint(bytesSource(input, 'input.safetensors'), { name: 'input' }),
  },
  {
    name: 'adapter-config',
    seeds: [
      good.json({
        'unet.r': 4,
        'unet.lora_alpha': 4,
        'unet.target_modules': ['to_q'],
        'unet.use_dora': true,
        r: 4,
        rank_pattern: { '^to_[qk]$': 2 },
      }),
    ],
    json: true,
    tokens: [...JSON_TOKENS, '(', '|', '.*', '\\\\d', '^', '$'],
    read: (input) => readLoraConfig(words(input), 'adapter_config.json'),
  },
  {
    name: 'adapter-key',
    seeds: keys.map(good.text),
    tokens: ['.', '_', 'lora_te1_', 'processor.', 'default.', '.alpha', 'base_model.model.'],
    read: (input) => parseAdapterKey(utf16(input), modules),
  },
  {
    name: 'model-paths',
    seeds: [good.json(modelPaths)],
    json: true,
    tokens: ['../', '/', '\\\\', '.', '__MACOSX/', ...JSON_TOKENS],
    read: (input) => {
      const list = parsed(input);
      const paths = Array.isArray(list)
        ? list.filter((path): path is string => typeof path === 'string')
        : [];
      return chooseModelFiles(paths.map((path) => ({ path })));
    },
  },
  {
    name: 'pool',
    seeds: [new Uint8Array([...encodeHeader(poolHeader), ...encodeRecords(poolHeader, [poolRecord])])],
    tokens: ['MI-POOL\0'],
    read: (input) => {
      const reading = decodeHeader(input);
      if (reading.kind === 'header') decodeRecord(reading.header, input.slice(reading.sizeBytes));
    },
  },
  {
    name: 'sealed',
    seeds: [encodeSealed({ a: 1, b: [null, 'x'], c: Float32Array.of(1, 2) }), encodeSealed('text')],
    tokens: JSON_TOKENS,
    read: (input) => [sealedBytes(input), decodeSealed(input)],
  },
  {
    name: 'pickle',
    seeds: good.PICKLES,
    tokens: [
      'ctorch\nFloatStorage\n',
      'c__torch__.M\nM\n',
      'cos\nsystem\n',
      ')R',
      ')\u0081',
      'q\0',
      'h\0',
      'u',
      'b',
      't',
      'Q',
    ],
    read: (input) => {
      const value = unpickle(input, 'input');
      return isModule(value) ? scriptTensors(value, 'input') : value;
    },
  },
];
