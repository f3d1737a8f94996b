/** The prompt list of the next run: the text as the user gave it and what was read from it. */
import { create } from 'zustand';
import { type Prompt, type PromptList, parsePromptList } from '../../formats/promptList.ts';
import { type ErrorReport, reportError, StudioError } from '../../lib/errors.ts';
import { attempt } from '../page/notices.ts';

type ExampleList = {
  readonly file: string;
  readonly title: string;
  readonly summary?: string;
};

type PromptsState = {
  /** Decides the format: .txt, .csv or .jsonl. */
  readonly fileName: string;
  readonly text: string;
  readonly list: PromptList | null;
  readonly failure: ErrorReport | null;
  /** File of the example, while its text is unchanged. */
  readonly example: string | null;
  readonly examples: readonly ExampleList[];
};

const PASTED = 'prompts.txt';
const EXAMPLES_FOLDER = 'prompts/';

const EMPTY: PromptsState = {
  fileName: PASTED,
  text: '',
  list: null,
  failure: null,
  example: null,
  examples: [],
};

export const usePrompts = create<PromptsState>()(() => EMPTY);

/** Reads a list; a list that cannot be read keeps its text, so that it can be mended. */
export function readPrompts(
  fileName: string,
  text: string,
): Pick<PromptsState, 'fileName' | 'text' | 'list' | 'failure'> {
  if (text.trim() === '') return { fileName, text, list: null, failure: null };
  try {
    return { fileName, text, list: parsePromptList(fileName, text), failure: null };
  } catch (error) {
    return { fileName, text, list: null, failure: reportError(error) };
  }
}

/** Text that was typed or pasted: an example that is edited is no longer that example. */
export function setPromptText(text: string): void {
  const { fileName, example } = usePrompts.getState();
  const name = text.trim() === '' || example !== null ? PASTED : fileName;
  usePrompts.setState({ ...readPrompts(name, text), example: null });
}

export function setPromptFile(fileName: string, text: string): void {
  usePrompts.setState({ ...readPrompts(fileName, text), example: null });
}

/** The texts of the list, in its order, repeats included. */
export function promptTexts(list: PromptList | null): readonly string[] {
  return list?.prompts.map((prompt) => prompt.text) ?? [];
}

/** A list of these prompts as a file: plain lines where they say the same. */
export function promptFileOf(
  prompts: readonly Pick<Prompt, 'text' | 'categories'>[],
): [name: string, text: string] {
  const lines = prompts.map(({ text }) => text).join('\n');
  const plain = prompts.every(({ categories }) => categories === undefined);
  const same = plain && promptTexts(readPrompts(PASTED, lines).list).join('\n') === lines;
  if (same) return [PASTED, lines];
  const rows = prompts.map(({ text, categories }) => JSON.stringify({ prompt: text, categories }));
  return ['prompts.jsonl', rows.join('\n')];
}

/**
 * One file that holds the prompts of all, in their order; a single file as it is.
 * @throws StudioError of the first list that cannot be read
 */
export function joinPromptLists(
  files: readonly { readonly name: string; readonly text: string }[],
): [name: string, text: string] {
  const [only, ...others] = files;
  if (only !== undefined && others.length === 0) return [only.name, only.text];
  return promptFileOf(files.flatMap(({ name, text }) => parsePromptList(name, text).prompts));
}

/** Reads the list of example lists that come with the page. */
export async function loadExamples(): Promise<void> {
  const text = await attempt(() => fetchText('index.json'));
  if (text !== null) usePrompts.setState({ examples: JSON.parse(text) as readonly ExampleList[] });
}

export async function chooseExample(file: string): Promise<void> {
  const text = await attempt(() => fetchText(file));
  if (text !== null) usePrompts.setState({ ...readPrompts(file, text), example: file });
}

const DRAFT_KEY = 'mi-tune-prompts';
const MAX_DRAFT_CHARACTERS = 1_000_000;

/** Keeps the list over a reload of the page; returns the function that ends it. */
export function keepPromptDraft(): () => void {
  const stored = sessionStorage.getItem(DRAFT_KEY);
  if (stored !== null) {
    const [fileName = PASTED, ...lines] = stored.split('\n');
    usePrompts.setState(readPrompts(fileName, lines.join('\n')));
  }
  return usePrompts.subscribe(({ fileName, text }, before) => {
    if (text === before.text || text.length > MAX_DRAFT_CHARACTERS) return;
    try {
      sessionStorage.setItem(DRAFT_KEY, `${fileName.replaceAll('\n', ' ')}\n${text}`);
    } catch {
      // A full or forbidden storage only means that a reload forgets the draft.
    }
  });
}

async function fetchText(file: string): Promise<string> {
  const response = await fetch(`${EXAMPLES_FOLDER}${file}`);
  if (!response.ok) {
    throw new StudioError(
      'example-missing',
      `The example list ${file} could not be read (${response.status}).`,
      {
        remedy: 'Drop or paste a prompt list of your own.',
        where: file,
      },
    );
  }
  return response.text();
}
