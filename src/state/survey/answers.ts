/** Answer files that are being analyzed: dropped or chosen, each of one survey, each in a group of people. */
import { create } from 'zustand';
import { StudioError } from '../../lib/errors.ts';
import { type AnswerFile, parseAnswers } from '../../survey/answers.ts';
import type { ModelFiles } from '../page/engine.ts';
import { attempt, useNotices } from '../page/notices.ts';

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
const DEFAULT_GROUP = 'everybody';
let nextId = 1;

/** Adds files to those there; a folder is a group. What cannot be used is told by name, and the rest is taken. */
export async function addAnswers(files: ModelFiles): Promise<void> {
  let added = 0;
  for (const { path, file } of files) {
    const done = await attempt(async () => {
      const next = await read(path, file);
      const { files: loaded } = useAnswers.getState();
      const [first] = loaded;
      if (first !== undefined && !sameCampaign(first.file, next.file)) throw otherCampaign(path);
      // The name is a moment to the microsecond: the same name with the same answers is the same survey.
      if (loaded.some((other) => other.name === next.name && other.text === next.text)) return false;
      if (loaded.length >= MAX_FILES) throw tooMany();
      useAnswers.setState({ files: [...loaded, next] });
      return true;
    });
    if (done === true) added += 1;
  }
  const twice = files.length - added;
  if (added > 0 || twice > 0)
    useNotices
      .getState()
      .confirm(
        `${added} of ${files.length} answer files taken${twice > 0 ? '; the others were there already or could not be read' : ''}.`,
      );
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

async function read(path: string, file: Blob): Promise<LoadedAnswers> {
  const parts = path.split('/');
  const name = parts.at(-1) ?? path;
  if (file.size > MAX_BYTES) {
    throw new StudioError('answers-malformed', `${path} is too large for the answers of a survey.`, {
      remedy: 'Choose the files that surveys end with: answer_….csv.',
      where: path,
    });
  }
  const text = await file.text();
  return { id: nextId++, name, group: parts.at(-2) ?? DEFAULT_GROUP, text, file: parseAnswers(path, text) };
}

function sameCampaign(a: AnswerFile, b: AnswerFile): boolean {
  return a.campaign === b.campaign && JSON.stringify(a.columns) === JSON.stringify(b.columns);
}

function otherCampaign(path: string): StudioError {
  return new StudioError(
    'answers-other-campaign',
    `${path} is of another survey than the files that are here.`,
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
