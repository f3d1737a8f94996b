/** Decides what dropped or chosen files are, by their names, and hands them to the store that wants them. */

import type { AdapterReport } from '../../contract/protocol.ts';
import { StudioError } from '../../lib/errors.ts';
import { readText } from '../../lib/textFile.ts';
import { importAdapter } from '../adapters/adapters.ts';
import { chooseModelFiles } from '../model/modelChoice.ts';
import type { ModelFiles } from '../page/engine.ts';
import { goTo } from '../page/navigation.ts';
import { attempt, confirmDone, raiseAlert } from '../page/notices.ts';
import { joinPromptLists, promptFileOf, readPrompts, setPromptFile, usePrompts } from './prompts.ts';
import { importImages } from './realImages.ts';
import { hashesIn, parseRunFile, writtenBy } from './runFile.ts';
import { expectModel } from './runFileModel.ts';
import { draftOf, replaceDraft } from './settings.ts';

type DroppedKind = 'model' | 'images' | 'weights' | 'run' | 'prompts' | 'survey' | 'answers' | 'unknown';

const PROMPT_LIST = /\.(txt|csv|jsonl|ndjson)$/i;
/** As surveys name their answers, here and in the official notebooks. */
const ANSWERS = /^answer_.*\.csv$/i;
const PICKLE = /\.(ckpt|pt|pth|bin)$/i;
const IMAGE = /\.(png|jpe?g|webp)$/i;
const ADAPTER_CONFIG = 'adapter_config.json';
const MAX_TEXT_BYTES = 20_000_000;
const MAX_ADAPTER_BYTES = 2 ** 31;
/** Length of the header, at the beginning of a safetensors file. */
const LENGTH_BYTES = 8;

/** What a set of file paths is; a folder is known by the files that its kind always has. */
export function classifyFiles(paths: readonly string[]): DroppedKind {
  const names = paths.map((path) => path.toLowerCase().split('/').at(-1) ?? '');
  if (names.includes('model_index.json') || (names.includes('config.json') && names.length > 1))
    return 'model';
  // peft keeps an adapter's settings beside it.
  if (names.includes(ADAPTER_CONFIG) && names.some((name) => name.endsWith('.safetensors'))) return 'weights';
  const isCaptioned = names.includes('metadata.jsonl');
  if (names.length > 1 && (isCaptioned || names.every((name) => IMAGE.test(name)))) return 'images';
  // A checkpoint with the files of its tokenizer.
  if (names.some((name) => name.endsWith('.safetensors')) && names.includes('vocab.json')) return 'model';
  if (names.length > 0 && names.every((name) => ANSWERS.test(name))) return 'answers';
  const [only, ...rest] = names;
  if (names.length > 1 && names.every((name) => PROMPT_LIST.test(name))) return 'prompts';
  if (only === undefined || rest.length > 0) return 'unknown';
  if (only.endsWith('.safetensors')) return 'weights';
  // Refused there, with what to do instead.
  if (PICKLE.test(only)) return 'model';
  if (only.endsWith('.json')) return 'run';
  if (only.endsWith('.zip')) return 'survey';
  return PROMPT_LIST.test(only) ? 'prompts' : 'unknown';
}

/** Takes dropped files to where their kind belongs. */
export async function receiveFiles(files: ModelFiles): Promise<void> {
  const kind = classifyFiles(files.map(({ path }) => path));
  const [first] = files;
  if (first === undefined) return;
  const name = first.path.split('/')[0] ?? first.path;
  await attempt(async () => {
    switch (kind) {
      case 'prompts':
        return openPromptFiles(files);
      case 'run':
        return openRunFile(first.path, first.file);
      case 'weights':
        return takeWeights(files);
      case 'model':
        return takeModel(files);
      case 'images':
        goTo('settings');
        return importImages(name, files);
      case 'survey':
        return (await import('../survey/view.ts')).showPack(first.path, first.file);
      case 'answers':
        return (await import('../survey/view.ts')).showAnswers(files);
      case 'unknown':
        throw new StudioError('file-unknown', `${first.path} is not something this page can open.`, {
          remedy:
            'Drop a prompt list (.txt, .csv, .jsonl), a run file (.json), an adapter or a checkpoint (.safetensors), a diffusers model folder, a folder of images with metadata.jsonl, a survey pack (.zip) or its answers (answer_….csv).',
          where: first.path,
        });
      default:
        kind satisfies never;
    }
  });
}

/** A checkpoint of a whole model, in its original layout, names its UNet so; an adapter has nothing of the kind. */
async function holdsWholeModel(file: Blob): Promise<boolean> {
  const start = new Uint8Array(await file.slice(0, LENGTH_BYTES).arrayBuffer());
  if (start.byteLength < LENGTH_BYTES) return false;
  const headerBytes = Number(new DataView(start.buffer).getBigUint64(0, true));
  const header = await file.slice(LENGTH_BYTES, LENGTH_BYTES + Math.min(headerBytes, MAX_TEXT_BYTES)).text();
  return header.includes('"model.diffusion_model.');
}

async function takeModel(files: ModelFiles): Promise<void> {
  goTo('model');
  await chooseModelFiles(files);
}

/** A checkpoint of a whole model or an adapter, with its settings where they came along. */
async function takeWeights(files: ModelFiles): Promise<void> {
  const named = (ending: string) => files.find(({ path }) => path.toLowerCase().endsWith(ending));
  const weights = named('.safetensors') as ModelFiles[number];
  if (await holdsWholeModel(weights.file)) return takeModel(files);
  const config = named(ADAPTER_CONFIG);
  goTo('adapters');
  await takeAdapter(weights, config === undefined ? null : config.file);
}

/** Takes in an adapter file, with the text of its adapter_config.json. */
async function takeAdapter(weights: ModelFiles[number], config: Blob | null): Promise<AdapterReport | null> {
  const name = weights.path.split('/').at(-1) ?? weights.path;
  if (weights.file.size > MAX_ADAPTER_BYTES) {
    throw new StudioError('file-too-large', `${name} is larger than any adapter for these models.`, {
      remedy: 'Drop a whole model as its folder, or as a checkpoint in its original layout.',
      where: name,
    });
  }
  const settings = config === null ? null : await textOf(ADAPTER_CONFIG, config);
  return importAdapter(name, new Uint8Array(await weights.file.arrayBuffer()), settings);
}

/** An adapter chosen by hand, one file or two. @throws StudioError `file-unknown` without a .safetensors file */
export async function takeAdapterFiles(files: ModelFiles): Promise<AdapterReport | null> {
  const weights = files.find(({ path }) => path.toLowerCase().endsWith('.safetensors'));
  if (weights === undefined) {
    throw new StudioError('file-unknown', 'An adapter is a .safetensors file.', {
      remedy: 'Choose it, together with its adapter_config.json where there is one.',
      where: files[0]?.path ?? '',
    });
  }
  return takeAdapter(
    weights,
    files.find(({ path }) => path.toLowerCase().endsWith(ADAPTER_CONFIG))?.file ?? null,
  );
}

/** Takes one list as it is, or several as one. */
export async function openPromptFiles(files: ModelFiles): Promise<void> {
  const read = files.map(async ({ path, file }) => ({
    name: path.split('/').at(-1) ?? path,
    text: await textOf(path, file),
  }));
  const [name, text] = joinPromptLists(await Promise.all(read));
  takePromptList(name, text);
  if (files.length === 1) return;
  const count = usePrompts.getState().list?.prompts.length ?? 0;
  confirmDone(`${files.length} lists joined: ${count} prompts.`);
}

const NO_LIST = ['prompts-not-text', 'prompts-format', 'prompts-too-large'];

function takePromptList(name: string, text: string): void {
  goTo('start');
  const { failure } = readPrompts(name, text);
  // A list with a mistake can be mended in the field; what is none or empty would only take the place of the one there.
  if (text.trim() === '' || NO_LIST.includes(failure?.code ?? '')) {
    throw new StudioError(failure?.code ?? 'prompts-empty', failure?.message ?? `${name} is empty.`, {
      remedy: failure?.remedy ?? 'Choose a file with one prompt a line.',
      where: name,
    });
  }
  setPromptFile(name, text);
}

/**
 * Takes over the settings of a run file, and its prompts if it has any.
 * @throws StudioError if either cannot be used; then nothing is taken over
 */
export async function openRunFile(path: string, file: Blob): Promise<void> {
  const text = await textOf(path, file);
  const spec = parseRunFile(path, text);
  const prompts = spec.prompts.length === 0 ? null : promptsOf(path, spec.prompts);
  replaceDraft(draftOf(spec));
  if (prompts !== null) setPromptFile(...prompts);
  goTo('start');
  const count = usePrompts.getState().list?.prompts.length ?? 0;
  confirmDone(`${path} opened: settings and ${count} prompts.`);
  await expectModel(path, spec.model, hashesIn(text));
  const version = writtenBy(text);
  if (version === null || version === __APP_VERSION__) return;
  raiseAlert(
    {
      code: 'run-file-other-version',
      message: `${path} was written by version ${version} of this page; this is ${__APP_VERSION__}.`,
      remedy: 'The run can be started anyway; its numbers may differ in their last digits.',
    },
    'warning',
  );
}

/** The prompts of a run file as a list. @throws StudioError naming the run file */
function promptsOf(path: string, prompts: readonly string[]): [name: string, text: string] {
  const [name, text] = promptFileOf(prompts.map((prompt) => ({ text: prompt })));
  const { failure } = readPrompts(name, text);
  if (failure === null) return [name, text];
  throw new StudioError(failure.code, `The prompts of ${path} cannot be used: ${failure.message}`, {
    remedy: failure.remedy,
    where: path,
  });
}

async function textOf(path: string, file: Blob): Promise<string> {
  if (file.size > MAX_TEXT_BYTES) {
    throw new StudioError('file-too-large', `${path} is larger than ${MAX_TEXT_BYTES / 1e6} MB.`, {
      remedy: 'Split the list into several files.',
      where: path,
    });
  }
  return readText(file);
}
