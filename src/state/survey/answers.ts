/** Answer files that are being analyzed: dropped or chosen, each of one survey, each in a group of people. */
import { create } from 'zustand';
import { StudioError } from '../../lib/errors.ts';
import { readText } from '../../lib/textFile.ts';
import { type AnswerFile, parseAnswers } from '../../survey/answers.ts';
import type { ModelFiles } from '../page/engine.ts';
import { attempt, confirmDone } from '../page/notices.ts';

export type LoadedAnswers = {
  readonly id: number;
  readonly name: string;
  readonly group: string;
  readonly text: string;
  readonly file: AnswerFile;
};

export const useAnswers = create<{ readonly files: readonly LoadedAnswers[] }>()(() => ({ files: [] }));

const MAX_BYTES = 2_000_000;
const MAX_FILES = 20_000;
let nextId = 1;

/**
 * Adds files to those there. The files of a folder are a group of people, and so are those chosen together without one.
 * What cannot be used is told by name, and the rest is taken.
 */
export async function addAnswers(files: ModelFiles): Promise<void> {
  const { files: loaded } = useAnswers.getState();
  const taken: LoadedAnswers[] = [];
  const group = nextGroup(loaded);
  for (const { path, file } of files) {
    await attempt(async () => {
      const next = await read(path, file, group);
      const [first = next] = [...loaded, ...taken];
      if (!sameCampaign(first.file, next.file)) throw otherCampaign(path);
      if (loaded.length + taken.length >= MAX_FILES) throw tooMany();
      // The name is a time to the microsecond: the same name with the same answers is the same survey.
      const known = [...loaded, ...taken].some(({ name, text }) => name === next.name && text === next.text);
      if (!known) taken.push(next);
    });
  }
  useAnswers.setState(({ files: now }) => ({ files: [...now, ...taken] }));
  const others = taken.length === files.length ? '' : '; the others were there already or cannot be read';
  confirmDone(`${taken.length} of ${files.length} answer files taken${others}.`);
}

/** `group 1`, or the first number that is free. */
function nextGroup(loaded: readonly LoadedAnswers[]): string {
  const names = new Set(loaded.map(({ group }) => group));
  for (let number = 1; ; number++) if (!names.has(`group ${number}`)) return `group ${number}`;
}

/** Moves all files of a group into another. */
export function renameGroup(from: string, to: string): void {
  const name = to.trim();
  if (name === '') return;
  useAnswers.setState(({ files }) => ({
    files: files.map((file) => (file.group === from ? { ...file, group: name } : file)),
  }));
}

export function forgetAnswerFiles(): void {
  useAnswers.setState({ files: [] });
}

async function read(path: string, file: Blob, group: string): Promise<LoadedAnswers> {
  const parts = path.split('/');
  const name = parts.at(-1) ?? path;
  if (file.size > MAX_BYTES) {
    throw new StudioError('answers-malformed', `${path} is too large for the answers of a survey.`, {
      remedy: 'Choose the files that surveys end with: answer_….csv.',
      where: path,
    });
  }
  const text = await readText(file);
  return { id: nextId++, name, group: parts.at(-2) ?? group, text, file: parseAnswers(path, text) };
}

function sameCampaign(a: AnswerFile, b: AnswerFile): boolean {
  return a.campaign === b.campaign && JSON.stringify(a.columns) === JSON.stringify(b.columns);
}

function otherCampaign(path: string): StudioError {
  return new StudioError(
    'answers-other-campaign',
    `${path} belongs to another survey than the files that are here.`,
    {
      remedy:
        'Clear the files first, or leave this one out: tables are of one campaign with the same columns.',
      where: path,
    },
  );
}

function tooMany(): StudioError {
  return new StudioError('answers-too-many', `There are more than ${MAX_FILES} answer files.`, {
    remedy: 'Analyze them in parts.',
  });
}
